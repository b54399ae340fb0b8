/* What an archive removes, in whichever spelling, and what becomes of it. */
#include "tarx/place_parts.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "align/remove.h"
#include "overlay/marks.h"
#include "tarx/deleted.h"
#include "tarx/path.h"
#include "tarx/whiteout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRUSTED_OPAQUE "trusted.overlay.opaque"
#define USER_OPAQUE    "user.overlay.opaque"

/* A list of removals that is longer than this is not one. */
#define DELETED_MAX (64 << 20)

/* What Go, and so podman, writes into JSON for a byte that is not of UTF-8. */
#define REPLACED "\xef\xbf\xbd"

/* ------------------------------------------------------------------ what the options say */

static enum tarx_removals choose_how(const struct tarx_place *place)
{
	const struct tarx_part *part = place->part;

	if (part->whiteouts == TARX_WHITEOUTS_DROP)
		return TARX_REMOVALS_DROP;
	if (part->overlay == TARX_OVERLAY_DIFF)
		return place->live.on ? TARX_REMOVALS_APPLY : TARX_REMOVALS_MARK;
	if (part->whiteouts == TARX_WHITEOUTS_OCI || part->whiteouts == TARX_WHITEOUTS_PODMAN)
		return TARX_REMOVALS_APPLY;
	return TARX_REMOVALS_AS_THEY_ARE;
}

static int find_target(struct tarx_place *place, struct tx_err *err)
{
	int r = tarx_live_open(&place->live, &place->root, err);

	if (r == TARX_TARGET_LIVE_COPIED)
		tarx_notice(place->report,
			    "%s: writing through the overlay, nothing of it can be shared",
			    err->text);
	if (r == TARX_TARGET_MOUNTED)
		tarx_notice(place->report,
			    "the target is the upper layer of a mounted overlay: writing through "
			    "the mount at %s",
			    place->live.at.stack.point);
	return r < 0 ? r : 0;
}

int tarx_place_open_removals(struct tarx_place *place, struct tx_err *err)
{
	const struct tarx_part *part = place->part;
	struct tarx_removing *removing = &place->removing;
	bool diff = part->overlay == TARX_OVERLAY_DIFF, all;
	int r = diff ? find_target(place, err) : 0;

	if (r < 0)
		return r;
	all = part->whiteouts == TARX_WHITEOUTS_DROP ||
	      (diff && part->whiteouts == TARX_WHITEOUTS_UNSET);
	removing->how = choose_how(place);
	removing->overlay = diff || all;
	removing->oci = all || part->whiteouts == TARX_WHITEOUTS_OCI;
	removing->podman = all || part->whiteouts == TARX_WHITEOUTS_PODMAN;
	return 0;
}

/* ------------------------------------------------------------------ noting them */

static int note(struct tarx_noted_list *list, const char *path, bool user)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		struct tarx_noted *more = realloc(list->list, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->list = more;
		list->room = room;
	}
	list->list[list->count] = (struct tarx_noted){ .path = strdup(path), .user = user };
	if (!list->list[list->count].path)
		return -ENOMEM;
	list->count++;
	return 0;
}

static int note_gone(struct tarx_place *place, const char *path, struct tx_err *err)
{
	if (!*path)
		return tx_reject(err, EINVAL, "the target itself cannot be removed");
	if (place->removing.how == TARX_REMOVALS_DROP)
		return 1;
	return note(&place->removing.gone, path, false) < 0
		       ? tx_fail(err, ENOMEM, "remember the removal")
		       : 1;
}

/* Opens the directory that PATH lies in; *LAST becomes its name there. */
static int open_above(const struct tarx_place *place, const char *path, const char **last,
		      bool make)
{
	const char *slash = strrchr(path, '/');
	TX_FREE char *dir = slash ? strndup(path, (size_t)(slash - path)) : strdup("");

	if (!dir)
		return -ENOMEM;
	*last = slash ? slash + 1 : path;
	if (make)
		return tarx_place_open_dir(place, dir);
	return tx_open_beneath(place->root, *dir ? dir : ".", O_RDONLY | O_DIRECTORY, 0);
}

/* A device 0:0 counts from its place in the archive on: what came before under its name goes at once,
 * as with any other member. */
static int take_in_order(struct tarx_place *place, const char *path, struct tx_err *err)
{
	const char *last;
	TX_FD dir = -1;
	int r;

	if (tarx_placed_add(&place->removing.devices, path) < 0)
		return tx_fail(err, ENOMEM, "remember the removal");
	tarx_behind_settle(place->behind);
	if (place->removing.how == TARX_REMOVALS_DROP ||
	    !tarx_placed_leads(&place->removing.placed, path))
		return note_gone(place, path, err);
	tarx_place_let_go(place);
	dir = open_above(place, path, &last, false);
	r = dir < 0 ? dir : tx_remove_tree(dir, last);
	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return tx_fail(err, -r, "remove");
	tarx_placed_remove(&place->removing.placed, path);
	if (tarx_place_forget_later(place, path, false) < 0)
		return tx_fail(err, ENOMEM, "remember the removal");
	return note_gone(place, path, err);
}

static bool has_whiteout_mark(const struct tarx_item *item)
{
	for (size_t i = 0; i < item->xattr_count; i++)
		if (overlay_xattr_kind(item->xattrs[i].name) == OVERLAY_XATTR_WHITEOUT)
			return true;
	return false;
}

/* Overlayfs makes all whiteouts links of one device, and other programs store them so. */
static bool is_linked_whiteout(const struct tarx_place *place, const struct tarx_item *item)
{
	TX_FREE char *target = item->hardlink ? tarx_path_restored(item->link) : NULL;

	tarx_behind_settle(place->behind);
	return target && tarx_placed_has(&place->removing.devices, target) &&
	       !tarx_placed_has(&place->removing.placed, target);
}

static bool is_overlay_removal(const struct tarx_place *place, const struct tarx_item *item)
{
	if (item->hardlink)
		return is_linked_whiteout(place, item);
	return item->whiteout ||
	       (S_ISREG(item->mode) && item->size == 0 && has_whiteout_mark(item));
}

static int take_oci(struct tarx_place *place, const struct tarx_item *item, const char *restored,
		    struct tx_err *err)
{
	TX_FREE char *hidden = NULL;
	int r;

	if (!tarx_whiteout_is_reserved(restored) || !S_ISREG(item->mode) || item->hardlink ||
	    item->size > 0)
		return 0;
	hidden = malloc(strlen(restored) + 1);
	if (!hidden)
		return tx_fail(err, ENOMEM, "remember the removal");
	switch (tarx_whiteout_read(restored, hidden)) {
	case TARX_OCI_WHITEOUT:
		return note_gone(place, hidden, err);
	case TARX_OCI_OPAQUE:
		if (place->removing.how == TARX_REMOVALS_DROP)
			return 1;
		r = note(&place->removing.opaque, hidden, false);
		return r < 0 ? tx_fail(err, ENOMEM, "remember the removal") : 1;
	case TARX_OCI_RESERVED:
		return tx_reject(err, EINVAL, "a name of a removal that removes nothing");
	default:
		return 0;
	}
}

/* ------------------------------------------------------------------ podman's list */

static int read_whole(struct tarx_reader *reader, char *text, size_t size, struct tx_err *err)
{
	const void *bytes;
	size_t len;
	off_t off;
	int r;

	memset(text, ' ', size);
	while ((r = tarx_reader_block(reader, &bytes, &len, &off, err)) > 0) {
		if (off < 0 || (size_t)off > size || len > size - (size_t)off)
			return tx_reject(err, EBADMSG, "a piece of it lies outside it");
		memcpy(text + off, bytes, len);
	}
	return r;
}

static int note_listed(struct tarx_place *place, char **paths, size_t count, struct tx_err *err)
{
	int r = 1;

	for (size_t i = 0; r > 0 && i < count; i++) {
		TX_FREE char *path = tarx_path_restored(paths[i]);

		if (!path && errno == ENOMEM)
			return tx_fail(err, ENOMEM, "remember the removal");
		if (path && *path)
			r = note_gone(place, path, err);
		if (path && strstr(path, REPLACED))
			tarx_warning(place->report,
				     "%s: %s: perhaps not removed: podman writes U+FFFD for a byte "
				     "that is not UTF-8, and the name was another one then",
				     TARX_DELETED_NAME, path);
		else if (!path || !*path)
			tarx_error(place->report, "%s: not removed: %s: %s", TARX_DELETED_NAME,
				   path ? "the target itself"
					: "a name with \"..\" could lead out of the target",
				   paths[i]);
	}
	return r;
}

int tarx_place_take_list(struct tarx_place *place, const struct tarx_item *item,
			 struct tarx_reader *reader, struct tx_err *err)
{
	TX_FREE char *text = NULL;
	char **paths;
	size_t count;
	int r;

	if (item->size > DELETED_MAX)
		return tx_reject(err, EFBIG, "a list of removals of %jd bytes",
				 (intmax_t)item->size);
	text = malloc((size_t)item->size + 1);
	if (!text)
		return tx_fail(err, ENOMEM, "read the list of removals");
	r = read_whole(reader, text, (size_t)item->size, err);
	if (r < 0)
		return r;
	r = tarx_deleted_read(text, (size_t)item->size, &paths, &count);
	if (r < 0)
		return tx_reject(
			err, -r,
			"not a list of removals, which is what its name says; as a file it "
			"is restored with --whiteouts=overlay");
	r = note_listed(place, paths, count, err);
	tarx_deleted_free(paths, count);
	return r;
}

static bool is_list(const struct tarx_item *item, const char *restored)
{
	return !strcmp(restored, TARX_DELETED_NAME) && S_ISREG(item->mode) && !item->hardlink;
}

int tarx_place_take_removal(struct tarx_place *place, const struct tarx_item *item,
			    const char *restored, struct tarx_reader *reader, struct tx_err *err)
{
	const struct tarx_removing *removing = &place->removing;
	int r = 0;

	if (removing->overlay && is_overlay_removal(place, item))
		return take_in_order(place, restored, err);
	if (removing->oci)
		r = take_oci(place, item, restored, err);
	if (r == 0 && removing->podman && is_list(item, restored))
		r = tarx_place_take_list(place, item, reader, err);
	return r;
}

static const struct tarx_xattr *opaque_mark(const struct tarx_item *item)
{
	for (size_t i = 0; i < item->xattr_count; i++)
		if (tarx_place_is_opaque_mark(item, &item->xattrs[i]))
			return &item->xattrs[i];
	return NULL;
}

/* ------------------------------------------------------------------ carrying them out */

static char *join(const char *dir, const char *name)
{
	char *path;

	return asprintf(&path, "%s%s%s", dir, *dir ? "/" : "", name) < 0 ? NULL : path;
}

static int clear(struct tarx_place *place, int fd, const char *path);

/* NAME of the directory DIR, whose path is PATH. What this archive restored stays. */
static int clear_name(struct tarx_place *place, int dir, const char *name, const char *path)
{
	TX_FD fd = -1;

	if (!tarx_placed_leads(&place->removing.placed, path))
		return tx_remove_tree(dir, name);
	fd = tx_open_beneath_nofollow(dir, name, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
	if (fd == -ENOTDIR || fd == -ELOOP || fd == -ENOENT)
		return 0;
	return fd < 0 ? fd : clear(place, fd, path);
}

/* Removes from the directory FD all that this archive did not restore. */
static int clear(struct tarx_place *place, int fd, const char *path)
{
	struct tx_names names;
	int r = tx_names_read(&names, fd);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		TX_FREE char *below = join(path, names.list[i].name);

		r = below ? clear_name(place, fd, names.list[i].name, below) : -ENOMEM;
		if (r == -ENOENT)
			r = 0;
	}
	tx_names_release(&names);
	return r;
}

/* Marks are named as those of the layer are, where it has some or is known, else as in the archive; and
 * without privilege they are always user.overlay.*. */
static int mark_opaque(struct tarx_place *place, int fd, bool user)
{
	int r;

	if (place->live.marks != TARX_MARKS_UNKNOWN)
		user = place->live.marks == TARX_MARKS_USER;
	r = tarx_meta_mark(fd, user ? USER_OPAQUE : TRUSTED_OPAQUE);
	return r == -EPERM && !user ? tarx_meta_mark(fd, USER_OPAQUE) : r;
}

static int hide_below(struct tarx_place *place, const char *path, bool user)
{
	TX_FD fd = tx_open_beneath(place->root, *path ? path : ".",
				   O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	int r;

	/* A later member may have taken its place. */
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return 0;
	if (fd < 0)
		return fd;
	r = clear(place, fd, path);
	if (r < 0 || place->removing.how != TARX_REMOVALS_MARK)
		return r;
	if (!*path && !place->live.below)
		tarx_warning(
			place->report,
			"the target is made opaque, but if it is the root of a layer overlayfs "
			"pays no heed to that: what lower layers have there will be seen; "
			"restore into the mounted overlay instead");
	return mark_opaque(place, fd, user);
}

static int remove_one(struct tarx_place *place, const char *path)
{
	bool mark = place->removing.how == TARX_REMOVALS_MARK;
	const char *last;
	TX_FD dir = open_above(place, path, &last, mark);
	struct stat st;
	bool there;
	int r = 0;

	/* What is not a directory, a whiteout or a file, hides all that was below it. */
	if (dir == -ENOTDIR || (!mark && dir == -ENOENT))
		return 0;
	if (dir < 0)
		return dir;
	there = fstatat(dir, last, &st, AT_SYMLINK_NOFOLLOW) == 0;
	/* Removed and made again: only what lower layers have there is gone. */
	if (there && tarx_placed_leads(&place->removing.placed, path))
		return S_ISDIR(st.st_mode) ? note(&place->removing.opaque, path, false) : 0;
	if (there)
		r = tx_remove_tree(dir, last);
	if (r == 0 && mark && mknodat(dir, last, S_IFCHR, 0) < 0)
		r = -errno;
	return r == -ENOENT ? 0 : r;
}

/* The order of paths in which a directory comes right before what is in it. */
static int by_path(const void *a, const void *b)
{
	const unsigned char *x = (const unsigned char *)((const struct tarx_noted *)a)->path;
	const unsigned char *y = (const unsigned char *)((const struct tarx_noted *)b)->path;
	int cx, cy;

	while (*x && *x == *y) {
		x++;
		y++;
	}
	cx = *x == '/' ? 1 : *x ? *x + 1 : 0;
	cy = *y == '/' ? 1 : *y ? *y + 1 : 0;
	return cx - cy;
}

static bool is_beneath(const char *path, const char *above)
{
	size_t len = strlen(above);

	return !strncmp(path, above, len) && path[len] == '/';
}

static void sort(struct tarx_noted_list *list)
{
	if (list->count > 0)
		qsort(list->list, list->count, sizeof(*list->list), by_path);
}

static void tell(struct tarx_place *place, const char *path, int r)
{
	if (r < 0)
		tarx_error(place->report, "%s: remove what was there: %s", *path ? path : ".",
			   r == -EXDEV ? "its path leads out of the target or to another mount"
				       : strerror(-r));
}

void tarx_place_remove(struct tarx_place *place)
{
	struct tarx_removing *removing = &place->removing;
	const char *above = NULL;

	sort(&removing->gone);
	for (size_t i = 0; i < removing->gone.count; i++) {
		const char *path = removing->gone.list[i].path;

		/* Told twice, or gone with the directory that it is in. */
		if (above && (!strcmp(path, above) || is_beneath(path, above)) &&
		    !tarx_placed_leads(&removing->placed, above))
			continue;
		above = path;
		tell(place, path, remove_one(place, path));
	}
	for (size_t i = 0; i < removing->opaque.count; i++) {
		const struct tarx_noted *opaque = &removing->opaque.list[i];

		tell(place, opaque->path, hide_below(place, opaque->path, opaque->user));
	}
}

/* ------------------------------------------------------------------ what was restored */

/* In a directory that comes once more, opaque, what came before does not count any more. */
static int clear_before(struct tarx_place *place, const char *path)
{
	TX_FD fd = tx_open_beneath(place->root, *path ? path : ".", O_RDONLY | O_DIRECTORY, 0);
	struct tx_names names;
	int r = fd < 0 ? fd : tx_names_read(&names, fd);

	if (r < 0)
		return r;
	place->parent.stale = true;
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = tx_remove_tree(fd, names.list[i].name);
	tx_names_release(&names);
	return r < 0 ? r : tarx_place_forget_later(place, path, true);
}

int tarx_place_note_restored(struct tarx_place *place, const struct tarx_item *item,
			     const char *restored)
{
	struct tarx_removing *removing = &place->removing;
	const struct tarx_xattr *mark = opaque_mark(item);
	int r = 0;

	if (removing->how != TARX_REMOVALS_MARK && removing->how != TARX_REMOVALS_APPLY)
		return 0;
	if (mark && removing->overlay) {
		tarx_behind_settle(place->behind);
		if (tarx_placed_has(&removing->placed, restored))
			tell(place, restored, clear_before(place, restored));
		r = note(&removing->opaque, restored, !strncmp(mark->name, "user.", 5));
	}
	return r < 0 ? r : tarx_placed_add(&removing->placed, restored);
}

bool tarx_place_gives_way(const struct tarx_place *place, const char *name)
{
	const struct tarx_removing *removing = &place->removing;
	TX_FREE char *path = NULL;

	if (place->part->overlay != TARX_OVERLAY_DIFF && removing->how != TARX_REMOVALS_APPLY)
		return false;
	path = join(place->parent.path, name);
	return path && !tarx_placed_leads(&removing->placed, path);
}

static void release_list(struct tarx_noted_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->list[i].path);
	free(list->list);
}

void tarx_place_release_removals(struct tarx_place *place)
{
	tarx_placed_release(&place->removing.placed);
	tarx_placed_release(&place->removing.devices);
	release_list(&place->removing.gone);
	release_list(&place->removing.opaque);
}
