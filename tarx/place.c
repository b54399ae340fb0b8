#include "tarx/place_parts.h"

#include "align/attrs.h"
#include "align/cleanup.h"
#include "align/io.h"
#include "tarx/path.h"
#include "tarx/rootless.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------ the target */

int tarx_place_open(struct tarx_place *place, const char *dir, enum align_reflink reflink,
		    struct tx_err *err)
{
	struct stat st;
	int r;

	place->parent = (struct tarx_parent){ .fd = -1 };
	place->mover = (struct align_mover){ .reflink = reflink };
	tarx_report_watch(place->report, &place->mover);
	/* Who asks for owners by name wants to hear of it. */
	place->privileged = geteuid() == 0 || place->report->opts->same_owner > 0;
	place->anywhere = place->report->opts->absolute_names;
	place->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place->root < 0)
		return tx_fail(err, errno, "open the directory %s", dir);
	r = tarx_place_open_removals(place, err);
	if (r == 0 && fstat(place->root, &st) < 0)
		r = tx_fail(err, errno, "look at the directory %s", dir);
	if (r == 0)
		place->root_dev = st.st_dev;
	return r;
}

bool tarx_place_is_fatal(const struct tarx_place *place, int errnum)
{
	if (errnum == EROFS && place->parent.volume.dev != place->root_dev)
		return false;
	return errnum == ENOSPC || errnum == EDQUOT || errnum == EROFS || errnum == ENOMEM ||
	       errnum == EMFILE || errnum == ENFILE;
}

/* ------------------------------------------------------------------ the parent */

/* Makes the directories of PATH from its byte AT on, one in the other, beginning in DIR (owned). */
static int make_dirs(int dir, const char *path)
{
	TX_FD at = dir;

	while (*path) {
		size_t len = strcspn(path, "/");
		char name[256];
		int next;

		if (len >= sizeof(name))
			return -ENAMETOOLONG;
		memcpy(name, path, len);
		name[len] = '\0';
		if (mkdirat(at, name, 0777) < 0 && errno != EEXIST)
			return -errno;
		next = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return -errno;
		tx_fd_release(&at);
		at = next;
		path += len;
		path += *path == '/';
	}
	return tx_fd_steal(&at);
}

int tarx_place_open_dir(const struct tarx_place *place, const char *path)
{
	const int flags = O_RDONLY | O_DIRECTORY;
	const char *top = *path == '/' ? "/" : ".";
	int fd = tarx_place_find(place, *path ? path : top, flags);
	TX_FREE char *there = NULL;

	if (fd != -ENOENT)
		return fd;
	/* A file that is not made yet may be on the way, and what is made here has names, too. */
	if (tarx_behind_has_some(place->behind)) {
		tarx_behind_settle(place->behind);
		return tarx_place_open_dir(place, path);
	}
	tarx_behind_forget(place->behind);
	there = strdup(path);
	if (!there)
		return -ENOMEM;
	/* From the end backwards to the part that exists. */
	while (fd == -ENOENT) {
		char *slash = strrchr(there, '/');

		if (!slash)
			slash = there;
		*slash = '\0';
		fd = tarx_place_find(place, *there ? there : top, flags);
		if (!*there)
			break;
	}
	if (fd < 0)
		return fd;
	path += strlen(there);
	return make_dirs(fd, path + (*path == '/'));
}

/* A path that the person gave, and that may lead anywhere. */
static int make_given(int root, const char *path)
{
	TX_FREE char *part = strdup(path);
	int fd;

	if (!part)
		return -ENOMEM;
	for (char *at = part + strspn(part, "/"); *at; at += strspn(at, "/")) {
		char after;

		at += strcspn(at, "/");
		after = *at;
		*at = '\0';
		if (mkdirat(root, part, 0777) < 0 && errno != EEXIST)
			return -errno;
		*at = after;
	}
	fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int tarx_place_enter_top(struct tarx_place *place, const char *top, struct tx_err *err)
{
	TX_FREE char *beneath = tarx_path_restored(top);
	int fd;

	if (!beneath && errno == ENOMEM)
		return tx_fail(err, ENOMEM, "%s", top);
	fd = beneath && *top != '/' ? tarx_place_open_dir(place, beneath)
				    : make_given(place->root, top);
	if (fd < 0)
		return tx_fail(err, -fd, "open the directory %s", top);
	tx_fd_release(&place->root);
	place->root = fd;
	return 0;
}

/* ------------------------------------------------------------------ attributes */

struct complaint {
	struct tarx_place *place;
	const char *path;
	int fd;
};

/* "which is immutable (chattr -i ends that)"; NULL where FLAGS are none of those. */
static const char *explain(uint32_t flags)
{
	if (flags & FS_IMMUTABLE_FL)
		return "immutable (chattr -i ends that)";
	return flags & FS_APPEND_FL ? "append-only (chattr -a ends that)" : NULL;
}

int tarx_place_refused(int dir, const char *name, int r, const char *what, struct tx_err *err)
{
	const char *why = r == -EPERM ? explain(align_attrs_forbidding(dir, name)) : NULL;

	if (why)
		return tx_fail(err, -r, "%s, which is %s", what, why);
	why = r == -EPERM ? explain(align_attrs_forbidding(dir, NULL)) : NULL;
	if (why)
		return tx_fail(err, -r, "%s in a directory that is %s", what, why);
	return tx_fail(err, -r, "%s", what);
}

/* The root of a user namespace may do little to what lies outside of it. Where nobody tells we are the
 * root of all. */
static bool is_root_of_all(void)
{
	FILE *map = fopen("/proc/self/uid_map", "re");
	unsigned long inside = 0, outside = 0, count = UINT32_MAX;

	if (map && fscanf(map, "%lu %lu %lu", &inside, &outside, &count) != 3)
		count = UINT32_MAX;
	if (map)
		fclose(map);
	return outside == 0 && count >= UINT32_MAX;
}

/* Whether a refusal is what was to be expected. */
static bool lacks_privilege(struct tarx_place *place)
{
	if (place->privileged && !place->told_privilege) {
		place->told_privilege = true;
		place->namespaced = place->report->opts->same_owner <= 0 && !is_root_of_all();
	}
	return !place->privileged || place->namespaced;
}

void tarx_place_complain(struct tarx_place *place, const char *path, int fd,
			 enum tarx_meta_loss loss, const struct tx_err *err)
{
	static const enum tarx_once once[] = { [TARX_META_LOST_HINT] = TARX_ONCE_BTRFS,
					       [TARX_META_LOST_PROJECT] = TARX_ONCE_PROJECT,
					       [TARX_META_LOST_XATTR] = TARX_ONCE_NO_XATTRS,
					       [TARX_META_LOST_ACL] = TARX_ONCE_NO_ACLS,
					       [TARX_META_LOST_FLAG] = TARX_ONCE_NO_FLAG };
	const char *why;

	if (loss != TARX_META_LOST) {
		place->report->left_out++;
		if (!tarx_say_once(place->report, once[loss]))
			return;
		if (loss == TARX_META_LOST_HINT || loss == TARX_META_LOST_PROJECT)
			tarx_notice(place->report, "%s: %s (and so for others)", path, err->text);
		else
			tarx_warning(place->report, "%s: %s (and so for others)", path, err->text);
		return;
	}
	why = err->code == EPERM ? explain(align_attrs_forbidding(fd, NULL)) : NULL;
	if (why) {
		tarx_warning(place->report, "%s: %s; it is %s", path, err->text, why);
		return;
	}
	/* Without privilege some attributes cannot be had; GNU tar does not count that either. */
	if (err->code == EPERM && lacks_privilege(place)) {
		place->report->left_out++;
		if (tarx_say_once(place->report, TARX_ONCE_PRIVILEGE))
			tarx_notice(place->report,
				    "%s: %s (and so for others: this needs to be root)", path,
				    err->text);
		return;
	}
	tarx_warning(place->report, "%s: %s", path, err->text);
}

static void complain(void *data, enum tarx_meta_loss loss, const struct tx_err *err)
{
	const struct complaint *c = data;

	tarx_place_complain(c->place, c->path, c->fd, loss, err);
}

/* Owner and mode of ITEM as the attribute of rootless containers; KEEP (owned by the caller) and TEXT
 * hold what is new. It cannot be had of anything but files and directories. 0 or -ENOMEM. */
static int keep_rootless(struct tarx_place *place, struct tarx_item *item, struct tarx_xattr **keep,
			 char text[TARX_ROOTLESS_ROOM])
{
	size_t kept = 0;

	if (!S_ISREG(item->mode) && !S_ISDIR(item->mode)) {
		if (tarx_say_once(place->report, TARX_ONCE_ROOTLESS))
			tarx_notice(place->report,
				    "%s: its owner is not kept: only files and directories can "
				    "have %s (and so for others)",
				    item->path, TARX_ROOTLESS_XATTR);
		return 0;
	}
	*keep = malloc((item->xattr_count + 1) * sizeof(**keep));
	if (!*keep)
		return -ENOMEM;
	for (size_t i = 0; i < item->xattr_count; i++)
		if (strcmp(item->xattrs[i].name, TARX_ROOTLESS_XATTR) != 0)
			(*keep)[kept++] = item->xattrs[i];
	if (!item->no_owner) {
		size_t len = tarx_rootless_write(text, item->uid, item->gid, item->mode);

		(*keep)[kept++] = (struct tarx_xattr){ TARX_ROOTLESS_XATTR, text, len };
	}
	item->xattrs = *keep;
	item->xattr_count = kept;
	/* Who restores it must be able to get at it. */
	item->mode = (item->mode & (S_IFMT | 0777)) | (S_ISDIR(item->mode) ? 0700 : 0600);
	return 0;
}

static void apply(struct tarx_place *place, const struct tarx_item *item,
		  const struct tarx_meta_target *inode, unsigned int parts)
{
	struct tarx_meta_target target = *inode;
	struct complaint c = { place, item->path, inode->fd };

	target.clear_acls = place->parent.acls;
	/* On a mounted overlay it is the setting that makes the kernel look at the layer's file again. */
	if (place->live.on)
		target.now = NULL;
	tarx_meta_apply(item, &target, parts, place->wants, place->owners, complain, &c);
}

void tarx_place_apply(struct tarx_place *place, const struct tarx_item *item,
		      const struct tarx_meta_target *inode, unsigned int parts)
{
	TX_FREE struct tarx_xattr *keep = NULL;
	struct tarx_item changed = *item;
	char text[TARX_ROOTLESS_ROOM];

	if (!place->report->opts->override_stat) {
		apply(place, item, inode, parts);
		return;
	}
	if (keep_rootless(place, &changed, &keep, text) < 0)
		tarx_warning(place->report, "%s: out of memory for its attributes", item->path);
	else
		apply(place, &changed, inode, parts & ~(unsigned int)TARX_META_OWNER);
}

/* ------------------------------------------------------------------ any item */

static int place_by_type(struct tarx_place *place, const struct tarx_item *item, const char *path,
			 const char *name, struct tarx_reader *reader, struct tx_err *err)
{
	int r;

	if (!*name && !S_ISDIR(item->mode))
		return tx_reject(err, EINVAL, "only a directory can be the target itself");
	r = tarx_place_meet_old(place, item, path, name, reader, err);
	place->stayed = r == TARX_OLD_STAYS;
	if (r < 0 || place->stayed)
		return r < 0 ? r : 0;
	if (r == TARX_OLD_IS_WRITTEN)
		return tarx_place_over_file(place, item, path, name, reader, err);
	place->fresh = tarx_place_take_name(place, name);
	if (item->hardlink)
		return tarx_place_hardlink(place, item, name, err);
	switch (item->mode & S_IFMT) {
	case S_IFREG:
		return tarx_place_file(place, item, path, name, reader, err);
	case S_IFDIR:
		return tarx_place_directory(place, item, path, name, err);
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
		return tarx_place_special(place, item, name, err);
	default:
		return tx_reject(err, EOPNOTSUPP, "a member of an unknown type (mode %07o)",
				 item->mode);
	}
}

static int place_trusted(struct tarx_place *place, const struct tarx_item *item,
			 const char *restored, struct tarx_reader *reader, struct tx_err *err)
{
	const char *slash = strrchr(restored, '/');
	const char *name = slash ? slash + 1 : restored;
	size_t dir_len = slash ? (size_t)(slash - restored) + (slash == restored) : 0;
	TX_FREE struct tarx_xattr *kept = NULL;
	struct tarx_item trusted = *item;
	int r;

	if (item->broken)
		return tx_reject(err, EBADMSG, "%s", item->broken);
	r = tarx_place_enter(place, restored, dir_len, err);
	if (r < 0)
		return r;
	if (item->xattr_count > 0 && tarx_place_trust(place, &trusted, name, &kept) < 0)
		return tx_fail(err, ENOMEM, "restore");
	return place_by_type(place, &trusted, restored, name, reader, err);
}

int tarx_place_end_item(struct tarx_place *place, const struct tarx_item *item,
			const char *restored, int r, struct tx_err *err)
{
	if (r == 0 && tarx_place_note_restored(place, item, restored) < 0)
		r = tx_fail(err, ENOMEM, "remember what was restored");
	if (!S_ISDIR(item->mode))
		tarx_place_keep_failure(place, restored, r < 0);
	return r;
}

int tarx_place_item(struct tarx_place *place, const struct tarx_item *item, const char *restored,
		    struct tarx_reader *reader, struct tx_err *err)
{
	int r = tarx_place_take_removal(place, item, restored, reader, err);

	if (r != 0)
		return r;
	place->put_off = false;
	r = place_trusted(place, item, restored, reader, err);
	if (place->put_off)
		return 0;
	/* What came before it under its name is to be remembered first. */
	if (r < 0)
		tarx_behind_settle(place->behind);
	return tarx_place_end_item(place, item, restored, r, err);
}

static bool ends_all(const struct tarx_place *place, const struct tx_err *err)
{
	return place->refused || tarx_place_is_fatal(place, err->code);
}

int tarx_place_tell(struct tarx_place *place, const struct tarx_item *item,
		    const struct tx_err *err)
{
	/* Of several files that end it one is told. */
	if (ends_all(place, err) && place->report->exit_code == 2)
		return -1;
	if (ends_all(place, err))
		return tarx_fatal(place->report, "%s: %s", item->path, err->text);
	tarx_error(place->report, "%s: %s", item->path, err->text);
	return 0;
}

int tarx_place_sync(struct tarx_place *place, struct tx_err *err)
{
	return syncfs(place->root) < 0 ? tx_fail(err, errno, "sync the target") : 0;
}

void tarx_place_release(struct tarx_place *place)
{
	tarx_place_release_later(place);
	tarx_place_release_removals(place);
	tarx_live_release(&place->live);
	tarx_placed_release(&place->failures);
	free(place->made);
	tarx_place_let_go(place);
	align_mover_release(&place->mover);
	tx_fd_release(&place->root);
}
