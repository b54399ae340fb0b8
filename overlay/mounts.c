#include "overlay/mounts.h"

#include "align/cleanup.h"
#include "overlay/mountinfo.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int overlay_mount_id(int fd, uint64_t *id)
{
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) < 0)
		return -errno;
	if (!(sx.stx_mask & STATX_MNT_ID))
		return -EOPNOTSUPP;
	*id = sx.stx_mnt_id;
	return 0;
}

static bool is_fuse(const struct overlay_mount_line *line)
{
	return !strcmp(line->type, "fuse.fuse-overlayfs");
}

static int keep(struct overlay_mounts *m, const struct overlay_mount_line *line)
{
	struct overlay_mount *more = realloc(m->list, (m->count + 1) * sizeof(*more));
	struct overlay_mount *mount;

	if (!more)
		return -ENOMEM;
	m->list = more;
	mount = &more[m->count++];
	*mount = (struct overlay_mount){
		.id = line->id,
		.major = line->major,
		.minor = line->minor,
		.fuse = is_fuse(line),
		.options = strdup(line->options),
		.prefix = strdup(*line->root == '/' ? line->root + 1 : line->root),
		.point = strdup(line->point),
	};
	return mount->options && mount->prefix && mount->point ? 0 : -ENOMEM;
}

static int read_lines(struct overlay_mounts *m, FILE *lines)
{
	TX_FREE char *line = NULL;
	struct overlay_mount_line cut;
	size_t room = 0;
	int r = 0;

	errno = 0;
	while (r == 0 && getline(&line, &room, lines) >= 0)
		if (overlay_mount_line_parse(&cut, line) &&
		    (!strcmp(cut.type, "overlay") || is_fuse(&cut)))
			r = keep(m, &cut);
	return r == 0 && ferror(lines) ? -errno : r;
}

/* PROCESS is a directory of /proc. */
static int read_process(struct overlay_mounts *m, const char *process)
{
	char path[64];
	FILE *lines;
	int r;

	*m = (struct overlay_mounts){ .root = -1, .own = !strcmp(process, "self") };
	snprintf(path, sizeof(path), "/proc/%.20s/mountinfo", process);
	lines = fopen(path, "re");
	if (!lines)
		return -errno;
	r = read_lines(m, lines);
	fclose(lines);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/%.20s/root", process);
	m->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return m->root < 0 ? -errno : 0;
}

const struct overlay_mount *overlay_mounts_find(const struct overlay_mounts *m, uint64_t id)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->list[i].id == id)
			return &m->list[i];
	return NULL;
}

/* ------------------------------------------------------------------ other namespaces */

/* The mount namespaces that were looked into. */
struct seen {
	ino_t *list; /* owned */
	size_t count;
};

/* 1: PROCESS is in a namespace that was not seen yet, and is now; 0: it was, or cannot be told. */
static int is_new(struct seen *seen, const char *process)
{
	char path[64];
	struct stat st;
	ino_t *more;

	snprintf(path, sizeof(path), "/proc/%.20s/ns/mnt", process);
	if (stat(path, &st) < 0)
		return 0;
	for (size_t i = 0; i < seen->count; i++)
		if (seen->list[i] == st.st_ino)
			return 0;
	more = realloc(seen->list, (seen->count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	seen->list = more;
	more[seen->count++] = st.st_ino;
	return 1;
}

static bool is_process(const char *name)
{
	return isdigit((unsigned char)*name) && strlen(name) < 20;
}

static int look_into(const char *process, overlay_mounts_look *look, void *arg)
{
	struct overlay_mounts m;
	int r = read_process(&m, process);

	if (r == 0)
		r = look(&m, arg);
	overlay_mounts_release(&m);
	return r;
}

int overlay_mounts_each(overlay_mounts_look *look, void *arg)
{
	struct seen seen = { 0 };
	struct dirent *entry;
	int r = look_into("self", look, arg);
	DIR *proc = r == 0 ? opendir("/proc") : NULL;

	if (!proc)
		return r;
	r = is_new(&seen, "self") < 0 ? -ENOMEM : 0;
	while (r == 0 && (entry = readdir(proc))) {
		if (!is_process(entry->d_name) || is_new(&seen, entry->d_name) <= 0)
			continue;
		/* A process that ends meanwhile, or may not be looked at, is passed over. */
		r = look_into(entry->d_name, look, arg);
		r = r < 0 && r != -ENOMEM ? 0 : r;
	}
	closedir(proc);
	free(seen.list);
	return r;
}

struct overlay_mounts overlay_mounts_steal(struct overlay_mounts *m)
{
	struct overlay_mounts handed = *m;

	*m = (struct overlay_mounts){ .root = -1 };
	return handed;
}

/* ------------------------------------------------------------------ */

int overlay_mounts_open(const struct overlay_mounts *m, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	long fd;

	if (m->own)
		fd = open(path, O_PATH | O_CLOEXEC);
	else
		fd = syscall(SYS_openat2, m->root, path, &how, sizeof(how));
	return fd < 0 ? -errno : (int)fd;
}

void overlay_mounts_release(struct overlay_mounts *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->list[i].options);
		free(m->list[i].prefix);
		free(m->list[i].point);
	}
	free(m->list);
	tx_fd_release(&m->root);
	*m = (struct overlay_mounts){ .root = -1 };
}
