/* What stack.c, mounted.c and layerdir.c, which fill a stack, have in common. */
#ifndef OVERLAY_STACK_PARTS_H
#define OVERLAY_STACK_PARTS_H

#include "overlay/mounts.h"
#include "overlay/stack.h"

#include <sys/stat.h>

/* Fills S, which is empty but for its root of -1, from MOUNT, one of M. 0 or -errno; the caller
 * releases S after either. */
int overlay_stack_of_mount(struct overlay_stack *s, const struct overlay_mounts *m,
			   const struct overlay_mount *mount, struct tx_err *err);

/* Whether this process sees trusted.overlay.*. */
bool overlay_sees_trusted(void);

/* Fills one_xfs and layer_dev, from the layers. */
void overlay_stack_look_at_devices(struct overlay_stack *s);

bool overlay_is_same_inode(const struct stat *a, const struct stat *b);

#endif
