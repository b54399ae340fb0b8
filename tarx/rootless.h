/* What rootless containers keep in the attribute user.containers.override_stat: the owner and the mode
 * that a file has inside, "UID:GID:MODE" with the mode in octal, and since later versions ":TYPE" where
 * the file only stands for another kind. Pure. */
#ifndef TARX_ROOTLESS_H
#define TARX_ROOTLESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define TARX_ROOTLESS_XATTR "user.containers.override_stat"

struct tarx_rootless {
	uid_t uid;
	gid_t gid;
	mode_t mode; /* with a type where one is told, else only permissions */
	dev_t rdev;
};

/* Reads the LEN bytes of a value. False: it is none that is understood, among them links, sockets and
 * the device 0:0. */
bool tarx_rootless_read(struct tarx_rootless *o, const char *value, size_t len);

/* Writes a value of owner and permissions; returns its length. */
#define TARX_ROOTLESS_ROOM 40
size_t tarx_rootless_write(char out[TARX_ROOTLESS_ROOM], uid_t uid, gid_t gid, mode_t mode);

#endif
