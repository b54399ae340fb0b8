#include "tarx/snapshot.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "align/newfile.h"
#include "align/undo.h"
#include "align/volume.h"
#include "overlay/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX ".tarx-snapshot-"

struct tarx_snapshot {
	dev_t live, dev; /* of the subvolume, and of its snapshot */
	int root; /* owned: the subvolume, in which the snapshot lies */
	int fd; /* owned: the snapshot */
	char name[TX_TEMP_ROOM]; /* empty: the subvolume is read-only itself, and needs none */
	struct timespec before,
		after; /* when the subvolume's root was changed: by others, and by us */
	struct tx_undo undo;
};

static int open_file(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags | O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* ------------------------------------------------------------------ one snapshot */

static void undo_snapshot(void *data)
{
	const struct tarx_snapshot *snapshot = data;

	align_subvolume_remove(snapshot->root, snapshot->name);
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* That a name came and went is no change of the directory. */
static void restore_time(const struct tarx_snapshot *snapshot)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, snapshot->before };

	(void)futimens(snapshot->root, times);
}

static void tell_left_over(struct tarx_report *report, const struct tarx_snapshot *snapshot, int r)
{
	char self[TX_PROC_ROOM], dir[PATH_MAX] = "?";
	ssize_t n;

	tx_proc_path(self, snapshot->root);
	n = readlink(self, dir, sizeof(dir) - 1);
	if (n > 0)
		dir[n] = '\0';
	tarx_warning(report,
		     "%s/%s: this snapshot is left over, as it cannot be removed: %s "
		     "(see btrfs subvolume delete)",
		     dir, snapshot->name, strerror(-r));
}

static void snapshot_free(struct tarx_report *report, struct tarx_snapshot *snapshot)
{
	struct stat then;
	int r;

	tx_fd_release(&snapshot->fd);
	if (snapshot->name[0] && fstat(snapshot->root, &then) == 0) {
		r = align_subvolume_remove(snapshot->root, snapshot->name);
		if (r < 0)
			tell_left_over(report, snapshot, r);
		else if (is_same_time(&then.st_mtim, &snapshot->after))
			restore_time(snapshot);
	}
	tx_undo_drop(&snapshot->undo);
	tx_fd_release(&snapshot->root);
	free(snapshot);
}

/* Who may make a snapshot may not always remove it, which shows with an empty subvolume. */
static int try_removal(int root, const char *name, struct tx_err *err)
{
	int r = align_subvolume_make(root, name, err);

	if (r < 0)
		return tx_wrap(err, "make a snapshot");
	r = align_subvolume_remove(root, name);
	if (r == 0)
		return 0;
	unlinkat(root, name, AT_REMOVEDIR);
	return tx_fail(err, -r, "make a snapshot: it could not be removed again");
}

static int make(struct tarx_snapshot *snapshot, struct tx_err *err)
{
	char name[TX_TEMP_ROOM], temp[TX_TEMP_ROOM];
	struct stat st;
	int r;

	tx_temp_name(temp);
	snprintf(name, sizeof(name), PREFIX "%.16s", strrchr(temp, '-') + 1);
	if (fstat(snapshot->root, &st) < 0)
		return tx_fail(err, errno, "make a snapshot");
	snapshot->before = st.st_mtim;
	r = try_removal(snapshot->root, name, err);
	if (r < 0)
		return r;
	restore_time(snapshot);
	memcpy(snapshot->name, name, sizeof(name));
	tx_undo_add(&snapshot->undo);
	r = align_subvolume_snapshot(snapshot->root, name, err);
	if (r < 0) {
		snapshot->name[0] = '\0';
		return tx_wrap(err, "make a snapshot");
	}
	snapshot->fd = open_file(snapshot->root, name, O_DIRECTORY | O_NOFOLLOW);
	if (snapshot->fd < 0)
		return tx_fail(err, -snapshot->fd, "open the snapshot");
	if (fstat(snapshot->root, &st) < 0)
		return tx_fail(err, errno, "make a snapshot");
	snapshot->after = st.st_mtim;
	return 0;
}

/* Of the subvolume ROOT. NULL: ERR tells. */
static struct tarx_snapshot *take(struct tarx_snapshots *snapshots, int root, struct tx_err *err)
{
	struct tarx_snapshot *snapshot = calloc(1, sizeof(*snapshot)), **list;
	struct stat live, st;
	int r;

	list = realloc(snapshots->list, (snapshots->count + 1) * sizeof(struct tarx_snapshot *));
	if (list)
		snapshots->list = list;
	if (!snapshot || !list) {
		free(snapshot);
		tx_fail(err, ENOMEM, "make a snapshot");
		return NULL;
	}
	snapshot->fd = -1;
	snapshot->undo = (struct tx_undo){ .run = undo_snapshot, .data = snapshot };
	snapshot->root = open_file(root, ".", O_DIRECTORY);
	if (snapshot->root < 0 || fstat(snapshot->root, &live) < 0)
		r = tx_fail(err, EACCES, "open the subvolume");
	else
		r = align_subvolume_is_read_only(snapshot->root, err);
	if (r == 0)
		r = make(snapshot, err);
	else if (r > 0)
		snapshot->fd = open_file(snapshot->root, ".", O_DIRECTORY);
	if (r >= 0 && fstat(snapshot->fd, &st) < 0)
		r = tx_fail(err, errno, "open the snapshot");
	if (r < 0) {
		snapshot_free(snapshots->report, snapshot);
		return NULL;
	}
	snapshot->live = live.st_dev;
	snapshot->dev = st.st_dev;
	snapshots->list[snapshots->count++] = snapshot;
	return snapshot;
}

static struct tarx_snapshot *find(const struct tarx_snapshots *snapshots, dev_t live)
{
	for (size_t i = 0; i < snapshots->count; i++)
		if (snapshots->list[i]->live == live)
			return snapshots->list[i];
	return NULL;
}

bool tarx_snapshots_has(const struct tarx_snapshots *snapshots, dev_t dev)
{
	const struct tarx_snapshot *snapshot = find(snapshots, dev);

	return snapshot && snapshot->name[0];
}

void tarx_snapshots_release(struct tarx_snapshots *snapshots)
{
	while (snapshots->count > 0)
		snapshot_free(snapshots->report, snapshots->list[--snapshots->count]);
	free(snapshots->list);
	snapshots->list = NULL;
}

bool tarx_snapshot_is_other(const struct align_node *node)
{
	return S_ISDIR(node->st.st_mode) && !strncmp(node->name, PREFIX, strlen(PREFIX)) &&
	       (node->st.st_ino == ALIGN_SUBVOLUME_INO ||
		node->st.st_ino == ALIGN_NO_SUBVOLUME_INO);
}

/* ------------------------------------------------------------------ from a path to its subvolume */

static bool is_subvolume(int fd, const struct stat *st)
{
	struct tx_err err;

	return st->st_ino == ALIGN_SUBVOLUME_INO && align_volume_is_subvolume(fd, &err) > 0;
}

static int refuse(int dir, struct tx_err *err)
{
	TX_FD fd = open_file(dir, ".", O_DIRECTORY);
	struct align_volume volume;

	if (fd >= 0 && align_volume_probe(&volume, fd, err) == 0 && strcmp(volume.name, "btrfs"))
		return tx_reject(err, EOPNOTSUPP,
				 "--snapshot: this is %s, and only btrfs has snapshots",
				 volume.name);
	return tx_reject(err, EOPNOTSUPP,
			 "--snapshot: the root of its btrfs subvolume cannot be reached from here");
}

/* The subvolume's root that the directory DIR lies in, DEPTH names above it. The descriptor (O_PATH) or
 * -errno. */
static int climb(int dir, size_t *depth, struct tx_err *err)
{
	TX_FD at = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st, above;

	*depth = 0;
	if (at < 0 || fstat(at, &st) < 0)
		return tx_fail(err, errno, "look for its subvolume");
	while (!is_subvolume(at, &st)) {
		int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		tx_fd_release(&at);
		at = up;
		if (at < 0 || fstat(at, &above) < 0)
			return tx_fail(err, errno, "look for its subvolume");
		if (above.st_dev != st.st_dev || above.st_ino == st.st_ino)
			return refuse(dir, err);
		st = above;
		++*depth;
	}
	return tx_fd_steal(&at);
}

/* The last DEPTH names of the path of the directory DIR. */
static int last_names(int dir, size_t depth, char path[PATH_MAX], const char **names)
{
	char self[TX_PROC_ROOM];
	ssize_t n;

	tx_proc_path(self, dir);
	n = readlink(self, path, PATH_MAX - 1);
	if (n < 0)
		return -errno;
	path[n] = '\0';
	*names = path + n;
	for (; depth > 0 && *names > path; depth--)
		do
			--*names;
		while (*names > path && **names != '/');
	if (depth > 0)
		return -ENOENT;
	*names += **names == '/';
	return 0;
}

/* The directory DIR as its snapshot has it. The descriptor or -errno. */
static int open_in_snapshot(struct tarx_snapshots *snapshots, int dir, struct tx_err *err)
{
	const struct tarx_snapshot *snapshot;
	char path[PATH_MAX];
	const char *names = "";
	struct stat st, own;
	size_t depth;
	TX_FD root = climb(dir, &depth, err), fd = -1;
	int r;

	if (root < 0)
		return root;
	if (fstat(root, &st) < 0 || fstat(dir, &own) < 0)
		return tx_fail(err, errno, "look for its subvolume");
	snapshot = find(snapshots, st.st_dev);
	if (!snapshot)
		snapshot = take(snapshots, root, err);
	if (!snapshot)
		return -err->code;
	r = last_names(dir, depth, path, &names);
	if (r < 0)
		return tx_fail(err, -r, "look for it in the snapshot");
	fd = tx_open_beneath_nofollow(snapshot->fd, *names ? names : ".", O_RDONLY | O_DIRECTORY,
				      0);
	if (fd < 0)
		return tx_fail(err, -fd, "look for it in the snapshot");
	if (fstat(fd, &st) < 0 || st.st_ino != own.st_ino)
		return tx_reject(err, ESTALE, "it is not where it was when the snapshot was made");
	return tx_fd_steal(&fd);
}

/* PATH of BASE as its snapshot has it, a file or a directory. The descriptor or -errno (ENXIO: it is
 * neither). */
static int open_root(struct tarx_snapshots *snapshots, int base, const char *path,
		     struct tx_err *err)
{
	TX_FD fd = openat(base, path, O_PATH | O_NOFOLLOW | O_CLOEXEC), dir = -1, in = -1;
	const char *slash = strrchr(path, '/');
	TX_FREE char *above = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	struct stat st, own;

	if (fd < 0 || fstat(fd, &own) < 0 || !above)
		return tx_fail(err, above ? errno : ENOMEM, "open");
	if (S_ISDIR(own.st_mode))
		return open_in_snapshot(snapshots, fd, err);
	if (!S_ISREG(own.st_mode))
		return tx_reject(err, ENXIO, "it is no file");
	dir = openat(base, above, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return tx_fail(err, errno, "open its directory");
	in = open_in_snapshot(snapshots, dir, err);
	if (in < 0)
		return in;
	tx_fd_release(&fd);
	fd = open_file(in, slash ? slash + 1 : path, O_NOFOLLOW);
	if (fd < 0)
		return tx_fail(err, -fd, "look for it in the snapshot");
	if (fstat(fd, &st) < 0 || st.st_ino != own.st_ino)
		return tx_reject(err, ESTALE, "it is not what it was when the snapshot was made");
	return tx_fd_steal(&fd);
}

int tarx_snapshots_take(struct tarx_snapshots *snapshots, int base, const char *path,
			struct tx_err *err)
{
	TX_FD fd = open_root(snapshots, base, path, err);

	return fd >= 0 || fd == -ENOENT || fd == -ENXIO ? 0 : fd;
}

/* ------------------------------------------------------------------ the walk's lens */

static bool is_mount(const struct tarx_snapview *view, const char *below)
{
	for (size_t i = 0; i < view->mount_count; i++)
		if (!strcmp(view->mounts[i], below))
			return true;
	return false;
}

static dev_t map_device(void *data, dev_t dev)
{
	const struct tarx_snapview *view = data;
	const struct tarx_snapshots *snapshots = view->snapshots;

	for (size_t i = 0; i < snapshots->count; i++)
		if (snapshots->list[i]->dev == dev)
			return snapshots->list[i]->live;
	return dev;
}

static int reopen(int fd)
{
	char self[TX_PROC_ROOM];

	tx_proc_path(self, fd);
	return open_file(AT_FDCWD, self, 0);
}

/* What is in the tree and not in the snapshot, LIVE, which may have a snapshot of its own. */
static int stand_in_for_live(struct tarx_snapview *view, const struct align_node *node, int live,
			     const struct stat *st)
{
	struct tarx_report *report = view->snapshots->report;
	const struct tarx_snapshot *snapshot;
	struct tx_err err;

	if (report->opts->one_file_system)
		return reopen(live);
	if (is_subvolume(live, st)) {
		snapshot = find(view->snapshots, st->st_dev);
		if (!snapshot)
			snapshot = take(view->snapshots, live, &err);
		if (snapshot)
			return open_file(snapshot->fd, ".", O_DIRECTORY);
		tarx_warning(report, "%s: %s: it is read as it is, not from a snapshot", node->path,
			     err.text);
	} else if (tarx_say_once(report, TARX_ONCE_SNAPSHOT)) {
		tarx_notice(report,
			    "%s: is mounted there: it is read as it is, not from a snapshot (and "
			    "so for others)",
			    node->path);
	}
	return reopen(live);
}

static int stand_in_below(struct tarx_snapview *view, const struct align_node *node)
{
	struct tarx_report *report = view->snapshots->report;
	bool stub = S_ISDIR(node->st.st_mode) && node->st.st_ino == ALIGN_NO_SUBVOLUME_INO;
	TX_FD live = -1;
	struct stat st;

	if (view->live < 0 || (!stub && !is_mount(view, node->below)) ||
	    tarx_snapshot_is_other(node))
		return -1;
	live = tx_open_beneath_nofollow(view->live, node->below, O_PATH | O_NOFOLLOW, 0);
	if (live < 0 || fstat(live, &st) < 0) {
		if (stub)
			tarx_warning(report,
				     "%s: a subvolume that was removed when the snapshot had been "
				     "made; nothing of it is stored",
				     node->path);
		return -1;
	}
	if (st.st_ino == node->st.st_ino &&
	    map_device(view, st.st_dev) == map_device(view, node->st.st_dev))
		return -1;
	if (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode))
		return stand_in_for_live(view, node, live, &st);
	tarx_warning(report, "%s: what is mounted there is no file: stored is what it covers",
		     node->path);
	return -1;
}

static int stand_in(void *data, const struct align_node *node)
{
	struct tarx_snapview *view = data;
	struct tx_err err;
	int fd;

	if (*node->below)
		return stand_in_below(view, node);
	fd = open_root(view->snapshots, view->base, view->root, &err);
	if (fd < 0)
		tarx_warning(view->snapshots->report,
			     "%s: %s: it is read as it is, not from a snapshot", node->path,
			     err.text);
	return fd;
}

/* The path POINT below DIR; NULL: it is not. */
static const char *below(const char *dir, const char *point)
{
	size_t len = strlen(dir);

	if (len > 0 && dir[len - 1] == '/')
		len--;
	return !strncmp(point, dir, len) && point[len] == '/' && point[len + 1] ? point + len + 1
										: NULL;
}

static int keep_mount(struct tarx_snapview *view, const char *path)
{
	char **mounts = realloc(view->mounts, (view->mount_count + 1) * sizeof(char *));

	if (!mounts)
		return -ENOMEM;
	view->mounts = mounts;
	mounts[view->mount_count] = strdup(path);
	return mounts[view->mount_count++] ? 0 : -ENOMEM;
}

static int find_mounts(struct tarx_snapview *view, const char *dir)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	TX_FREE char *line = NULL;
	size_t room = 0;
	int r = 0;

	if (!file)
		return -errno;
	while (r == 0 && getline(&line, &room, file) > 0) {
		struct overlay_mount_line mount;
		const char *path;

		if (!overlay_mount_line_parse(&mount, line))
			continue;
		overlay_octal_decode((char *)(uintptr_t)mount.point);
		path = below(dir, mount.point);
		if (path)
			r = keep_mount(view, path);
	}
	fclose(file);
	return r;
}

int tarx_snapview_open(struct tarx_snapview *view, struct tarx_snapshots *snapshots, int base,
		       const char *path, struct tx_err *err)
{
	char self[TX_PROC_ROOM], dir[PATH_MAX];
	ssize_t n;
	int r;

	*view = (struct tarx_snapview){
		.lens = { .stand_in = stand_in, .device = map_device, .data = view },
		.snapshots = snapshots,
		.base = base,
		.root = path,
		.live = openat(base, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
	};
	if (view->live < 0)
		return 0;
	tx_proc_path(self, view->live);
	n = readlink(self, dir, sizeof(dir) - 1);
	if (n < 0)
		return tx_fail(err, errno, "find out where it is");
	dir[n] = '\0';
	r = find_mounts(view, dir);
	return r < 0 ? tx_fail(err, -r, "find out what is mounted in it") : 0;
}

void tarx_snapview_release(struct tarx_snapview *view)
{
	for (size_t i = 0; i < view->mount_count; i++)
		free(view->mounts[i]);
	free(view->mounts);
	tx_fd_release(&view->live);
}
