#include "tarx/place_parts.h"

#include "align/attrs.h"
#include "align/cleanup.h"
#include "align/io.h"
#include "tarx/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------ the target */

int tarx_place_open(struct tarx_place *place, const char *dir, enum align_reflink reflink,
		    struct tx_err *err)
{
	struct stat st;

	place->parent = (struct tarx_parent){ .fd = -1 };
	place->mover = (struct align_mover){ .reflink = reflink, .tally = &place->report->tally };
	/* Who asks for owners by name wants to hear of it. */
	place->privileged = geteuid() == 0 || place->report->opts->same_owner > 0;
	place->anywhere = place->report->opts->absolute_names;
	place->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place->root < 0 || fstat(place->root, &st) < 0)
		return tx_fail(err, errno, "open the directory %s", dir);
	place->root_dev = st.st_dev;
	return 0;
}

bool tarx_place_is_fatal(const struct tarx_place *place, int errnum)
{
	if (errnum == EROFS && place->parent.volume.dev != place->root_dev)
		return false;
	return errnum == ENOSPC || errnum == EDQUOT || errnum == EROFS || errnum == ENOMEM ||
	       errnum == EMFILE || errnum == ENFILE;
}

/* ------------------------------------------------------------------ the parent */

static void forget_parent(struct tarx_place *place)
{
	tx_fd_release(&place->parent.fd);
	free(place->parent.path);
	place->parent.path = NULL;
}

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

/* Opens the directory PATH beneath the target; what is missing of it is made. */
static int open_or_make(const struct tarx_place *place, const char *path)
{
	const int flags = O_RDONLY | O_DIRECTORY;
	const char *top = *path == '/' ? "/" : ".";
	int fd = tarx_place_find(place, *path ? path : top, flags);
	TX_FREE char *there = NULL;

	if (fd != -ENOENT)
		return fd;
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
	fd = beneath && *top != '/' ? open_or_make(place, beneath) : make_given(place->root, top);
	if (fd < 0)
		return tx_fail(err, -fd, "open the directory %s", top);
	tx_fd_release(&place->root);
	place->root = fd;
	return 0;
}

/* What the file system of the directory can do, asked once a file system. */
static int learn_volume(struct tarx_place *place, int fd, struct tx_err *err)
{
	struct align_volume *volume = &place->parent.volume;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return tx_fail(err, errno, "look at the directory");
	if (!volume->name || volume->dev != st.st_dev) {
		int r = align_volume_probe(volume, fd, err);

		if (r < 0)
			return r;
	}
	place->mover.block = volume->block;
	place->mover.round_tail = volume->round_tail;
	return 0;
}

static int enter_parent(struct tarx_place *place, const char *path, size_t len, struct tx_err *err)
{
	struct tarx_parent *parent = &place->parent;
	TX_FD fd = -1;
	int r;

	if (parent->fd >= 0 && !strncmp(parent->path, path, len) && !parent->path[len])
		return 0;
	forget_parent(place);
	parent->path = strndup(path, len);
	if (!parent->path)
		return tx_fail(err, ENOMEM, "remember the directory");
	fd = open_or_make(place, parent->path);
	if (fd == -EXDEV)
		return tx_reject(
			err, EXDEV, "%s",
			place->anywhere ? "a symbolic link on its path came with the archive"
					: "a symbolic link on its path is absolute or leads out of "
					  "the target");
	if (fd < 0)
		return tx_fail(err, -fd, "open its directory");
	r = learn_volume(place, fd, err);
	if (r < 0)
		return r;
	parent->acls = tarx_meta_has_default_acl(fd);
	parent->fd = tx_fd_steal(&fd);
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

static void complain(void *data, enum tarx_meta_loss loss, const struct tx_err *err)
{
	static const enum tarx_once once[] = { [TARX_META_LOST_HINT] = TARX_ONCE_BTRFS,
					       [TARX_META_LOST_PROJECT] = TARX_ONCE_PROJECT };
	const struct complaint *c = data;
	const char *why;

	if (loss != TARX_META_LOST) {
		c->place->report->left_out++;
		if (tarx_say_once(c->place->report, once[loss]))
			tarx_notice(c->place->report, "%s: %s (and so for others)", c->path,
				    err->text);
		return;
	}

	/* Without privilege some attributes cannot be had; GNU tar does not count that either. */
	if (!c->place->privileged && err->code == EPERM) {
		c->place->report->left_out++;
		if (tarx_say_once(c->place->report, TARX_ONCE_PRIVILEGE))
			tarx_notice(c->place->report,
				    "%s: %s (and so for others: this needs to be root)", c->path,
				    err->text);
		return;
	}
	why = err->code == EPERM ? explain(align_attrs_forbidding(c->fd, NULL)) : NULL;
	if (why)
		tarx_warning(c->place->report, "%s: %s; it is %s", c->path, err->text, why);
	else
		tarx_warning(c->place->report, "%s: %s", c->path, err->text);
}

void tarx_place_apply(struct tarx_place *place, const struct tarx_item *item, int fd, bool by_path,
		      unsigned int parts)
{
	struct tarx_meta_target target = { .fd = fd,
					   .by_path = by_path,
					   .clear_acls = place->parent.acls };
	struct complaint c = { place, item->path, fd };

	tarx_meta_apply(item, &target, parts, place->wants, place->owners, complain, &c);
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
	size_t dir_len = slash ? (size_t)(slash - restored) + (slash == restored) : 0;
	TX_FREE struct tarx_xattr *kept = NULL;
	struct tarx_item trusted = *item;
	int r;

	if (item->broken)
		return tx_reject(err, EBADMSG, "%s", item->broken);
	r = enter_parent(place, restored, dir_len, err);
	if (r < 0)
		return r;
	if (item->xattr_count > 0 && tarx_place_trust(place, &trusted, &kept) < 0)
		return tx_fail(err, ENOMEM, "restore");
	return place_by_type(place, &trusted, restored, slash ? slash + 1 : restored, reader, err);
}

int tarx_place_item(struct tarx_place *place, const struct tarx_item *item, const char *restored,
		    struct tarx_reader *reader, struct tx_err *err)
{
	int r = place_trusted(place, item, restored, reader, err);

	if (!S_ISDIR(item->mode))
		tarx_place_keep_failure(place, restored, r < 0);
	return r;
}

int tarx_place_sync(struct tarx_place *place, struct tx_err *err)
{
	return syncfs(place->root) < 0 ? tx_fail(err, errno, "sync the target") : 0;
}

void tarx_place_release(struct tarx_place *place)
{
	tarx_place_release_later(place);
	for (size_t i = 0; i < place->failure_count; i++)
		free(place->failures[i]);
	free(place->failures);
	free(place->made);
	forget_parent(place);
	align_mover_release(&place->mover);
	tx_fd_release(&place->root);
}
