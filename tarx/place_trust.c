/* Which extended attributes of an archive are set. */
#include "tarx/place_parts.h"

#include "overlay/marks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_opaque_mark(const struct tarx_item *item, const struct tarx_xattr *x)
{
	return S_ISDIR(item->mode) && x->len == 1 && *(const char *)x->value == 'y';
}

/* overlayfs' own attributes are not taken from an archive: a redirect or a metacopy mark would make
 * files of lower layers readable. Only the opaque mark of a directory, which hides, is set. */
static bool is_trusted(struct tarx_place *place, const struct tarx_item *item,
		       const struct tarx_xattr *x)
{
	if (tarx_meta_is_acl(x->name))
		return false;
	if (!strncmp(x->name, "btrfs.", 6) && strcmp(place->parent.volume.name, "btrfs") != 0) {
		place->report->left_out++;
		if (tarx_say_once(place->report, TARX_ONCE_BTRFS))
			tarx_notice(place->report, "%s: %s and the like are left out: this is %s",
				    item->path, x->name, place->parent.volume.name);
		return false;
	}
	switch (overlay_xattr_kind(x->name)) {
	case OVERLAY_XATTR_NONE:
		return true;
	case OVERLAY_XATTR_OPAQUE:
		if (is_opaque_mark(item, x))
			return true;
		break;
	case OVERLAY_XATTR_BOUND:
		if (tarx_say_once(place->report, TARX_ONCE_BOUND))
			tarx_notice(place->report,
				    "%s: %s and the like are left out: they mean something to one "
				    "mount only",
				    item->path, x->name);
		return false;
	default:
		break;
	}
	tarx_warning(place->report,
		     "%s: refused the overlayfs mark %s: an archive is not trusted with it",
		     item->path, x->name);
	return false;
}

/* The item without the attributes that are not trusted; KEEP (owned by the caller) holds the rest. */
int tarx_place_trust(struct tarx_place *place, struct tarx_item *item, struct tarx_xattr **keep)
{
	size_t kept = 0;

	*keep = calloc(item->xattr_count + 1, sizeof(**keep));
	if (!*keep)
		return -ENOMEM;
	for (size_t i = 0; i < item->xattr_count; i++)
		if (is_trusted(place, item, &item->xattrs[i]))
			(*keep)[kept++] = item->xattrs[i];
	item->xattrs = *keep;
	item->xattr_count = kept;
	return 0;
}
