/* What layers show together that are not mounted: the kernel is asked for an overlay of them that is
 * mounted nowhere, cannot be written to and goes away with its descriptor. */
#ifndef OVERLAY_VIEW_H
#define OVERLAY_VIEW_H

#include "overlay/stack.h"

/* Opens such a view of the layers of S, which has none, as its root. All must be reachable, and at
 * least two. Needs Linux 6.8 and the right to mount. 0 or -errno: S is as it was. */
int overlay_view_open(struct overlay_stack *s);

#endif
