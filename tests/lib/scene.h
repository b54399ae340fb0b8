/* A place for tests that mount: a directory in a mount namespace of the test's own, with an XFS and
 * a btrfs in it, so that nothing outlives the test but an empty directory if it crashes. */
#ifndef TESTS_SCENE_H
#define TESTS_SCENE_H

#include <stdbool.h>
#include <stddef.h>

/* Makes the place and goes there; "xfs" and "btrfs" are mounted in it. When it cannot be done,
 * skips PROMISE aloud and returns false. */
bool scene_open(const char *promise);
void scene_close(void);

/* Runs a shell script, with errors fatal to it, where DIR is the scene's directory. */
bool scene_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The absolute path of NAME in the scene; overwritten by the eighth call after. */
const char *scene_path(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Mounts an overlay at the absolute path AT: OPTIONS as in mount(2), or one by one by fsconfig(2),
 * where LOWERS are as they are, without escapes, and the upper is handed over as a descriptor. */
bool scene_mount(const char *at, const char *options);
bool scene_mount_raw(const char *at, const char *const *lowers, const char *upper,
		     const char *work);
void scene_unmount(const char *at);

int scene_fd(const char *path); /* O_PATH */
bool scene_same_file(int a, int b);

#endif
