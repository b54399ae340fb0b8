/* Which extended attributes of an archive are set. */
#include "tarx/place_parts.h"

#include "align/cleanup.h"
#include "overlay/marks.h"
#include "overlay/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

bool tarx_place_is_opaque_mark(const struct tarx_item *item, const struct tarx_xattr *x)
{
	return overlay_xattr_kind(x->name) == OVERLAY_XATTR_OPAQUE && S_ISDIR(item->mode) &&
	       x->len == 1 && *(const char *)x->value == 'y';
}

/* "x": removals among what is in the directory are files with a mark. */
static bool is_whiteouts_mark(const struct tarx_item *item, const struct tarx_xattr *x)
{
	return S_ISDIR(item->mode) && x->len == 1 && *(const char *)x->value == 'x';
}

/* Whether NAME of the parent is, or will be, on the live overlay itself, and not on what is mounted there: the
 * mark without its escape would be a real one to that. */
static bool is_on_overlay(const struct tarx_place *place, const char *name)
{
	TX_FD fd = -1;
	uint64_t id;

	if (!place->live.within)
		return false;
	fd = openat(place->parent.fd, *name ? name : ".", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT;
	return overlay_mount_id(fd, &id) == 0 && id == place->live.at.stack.mount_id;
}

/* An attribute of an overlay that is stored in this one, where NAME is known to be of one that escapes
 * them so: it means nothing to that itself. */
static bool is_escaped_here(const struct tarx_place *place, const char *name,
			    const struct tarx_xattr *x)
{
	bool user = !strncmp(x->name, "user.", 5);

	if (place->part->overlay != TARX_OVERLAY_DIFF)
		return false;
	if (place->live.on && !is_on_overlay(place, name))
		return false;
	return place->live.marks == TARX_MARKS_UNKNOWN ||
	       user == (place->live.marks == TARX_MARKS_USER);
}

/* overlayfs' own attributes are not taken from an archive: a redirect or a metacopy mark would make
 * files of lower layers readable. Only the opaque mark of a directory, which hides, is set: here as it
 * is, or as place_removal.c sees fit. */
static bool is_trusted(struct tarx_place *place, const struct tarx_item *item, const char *name,
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
		if (tarx_place_is_opaque_mark(item, x))
			return place->removing.how == TARX_REMOVALS_AS_THEY_ARE;
		if (is_whiteouts_mark(item, x) && place->removing.overlay)
			return false;
		break;
	case OVERLAY_XATTR_ESCAPED:
		if (is_escaped_here(place, name, x))
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

/* Through a live mount an attribute that belongs to an overlay within this one has its plain name:
 * overlayfs adds what escapes it. Returns the end of what it wrote, with its NUL. */
static char *take_out_escape(char *to, const char *name)
{
	size_t lead = strcspn(name, ".") + strlen(".overlay.");

	memcpy(to, name, lead);
	strcpy(to + lead, name + lead + strlen("overlay."));
	return to + strlen(to) + 1;
}

int tarx_place_trust(struct tarx_place *place, struct tarx_item *item, const char *name,
		     struct tarx_xattr **keep)
{
	size_t kept = 0, names = 0;
	char *text;

	for (size_t i = 0; i < item->xattr_count; i++)
		names += strlen(item->xattrs[i].name) + 1;
	*keep = malloc((item->xattr_count + 1) * sizeof(**keep) + names);
	if (!*keep)
		return -ENOMEM;
	text = (char *)(*keep + item->xattr_count + 1);
	for (size_t i = 0; i < item->xattr_count; i++) {
		struct tarx_xattr *x = &(*keep)[kept];

		if (!is_trusted(place, item, name, &item->xattrs[i]))
			continue;
		*x = item->xattrs[i];
		kept++;
		if (place->live.escapes && overlay_xattr_kind(x->name) == OVERLAY_XATTR_ESCAPED) {
			x->name = text;
			text = take_out_escape(text, item->xattrs[i].name);
		}
	}
	item->xattrs = *keep;
	item->xattr_count = kept;
	return 0;
}
