/* The overlays among the mounts of a mount namespace, as /proc/PID/mountinfo lists them. */
#ifndef OVERLAY_MOUNTS_H
#define OVERLAY_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct overlay_mount {
	uint64_t id;
	unsigned int major, minor; /* of the overlay; all mounts of one overlay have the same */
	bool fuse; /* fuse-overlayfs, whose OPTIONS tell nothing about layers */
	char *options; /* owned; see overlay_options_parse() */
	char *prefix; /* owned; directory of the overlay that is mounted, "" for its root */
	char *point; /* owned; from the root directory below */
};

struct overlay_mounts {
	struct overlay_mount *list; /* owned; in the order they were mounted */
	size_t count;
	int root; /* owned; O_PATH, the root directory of the process that sees these mounts */
	bool own; /* that is this process */
};

/* Calls LOOK with the overlays of this process' mount namespace, then with those of every other one
 * that a process is in and this one may look into, until LOOK returns other than 0: that comes
 * back. LOOK may take *M over, and leave it empty (overlay_mounts_steal()). -errno where not even
 * the first can be read. */
typedef int overlay_mounts_look(struct overlay_mounts *m, void *arg);
int overlay_mounts_each(overlay_mounts_look *look, void *arg);
struct overlay_mounts overlay_mounts_steal(struct overlay_mounts *m);

/* The mount ID, or NULL. */
const struct overlay_mount *overlay_mounts_find(const struct overlay_mounts *m, uint64_t id);

/* Opens PATH as the processes of the namespace see it. O_PATH descriptor or -errno. */
int overlay_mounts_open(const struct overlay_mounts *m, const char *path);

void overlay_mounts_release(struct overlay_mounts *m);

/* The mount that FD lies on. 0 or -errno. */
int overlay_mount_id(int fd, uint64_t *id);

#endif
