/* Opening a path of the target: beneath it, or under --absolute-names wherever it leads. */
#include "tarx/place_parts.h"

#include "align/cleanup.h"
#include "align/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MOST 40 /* as the kernel has it */

struct tarx_made {
	dev_t dev;
	ino_t ino;
};

/* A way to a file, one component at a time. */
struct way {
	const struct tarx_place *place;
	int at; /* owned: O_PATH, how far we are */
	char *todo; /* owned: what is left of the path */
	int links; /* symbolic links followed so far */
};

int tarx_place_note_symlink(struct tarx_place *place, int fd)
{
	struct tarx_made *made;
	struct stat st;

	if (!place->anywhere)
		return 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	made = realloc(place->made, (place->made_count + 1) * sizeof(*made));
	if (!made)
		return -ENOMEM;
	place->made = made;
	made[place->made_count++] = (struct tarx_made){ .dev = st.st_dev, .ino = st.st_ino };
	return 0;
}

static bool is_ours(const struct tarx_place *place, const struct stat *st)
{
	for (size_t i = 0; i < place->made_count; i++)
		if (place->made[i].dev == st->st_dev && place->made[i].ino == st->st_ino)
			return true;
	return false;
}

static int start_at_root(struct way *way)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	tx_fd_release(&way->at);
	way->at = fd;
	return 0;
}

/* The symbolic link FD instead of its name: what it says, and then REST. */
static int follow(struct way *way, int fd, const struct stat *st, const char *rest)
{
	char target[PATH_MAX], *todo;
	ssize_t n;

	/* A link that came with the archive must not lead its later members. */
	if (is_ours(way->place, st))
		return -EXDEV;
	if (++way->links > LINKS_MOST)
		return -ELOOP;
	n = readlinkat(fd, "", target, sizeof(target));
	if (n < 0)
		return -errno;
	if (n == 0 || n == sizeof(target))
		return -ENOENT;
	if (asprintf(&todo, "%.*s/%s", (int)n, target, rest) < 0)
		return -ENOMEM;
	free(way->todo);
	way->todo = todo;
	return *target == '/' ? start_at_root(way) : 0;
}

/* One component. 1: it was the last, and *OPENED is it; 0: go on; or -errno. */
static int step(struct way *way, int flags, int *opened)
{
	size_t skip = strspn(way->todo, "/"), len = strcspn(way->todo + skip, "/");
	const char *rest = way->todo + skip + len;
	bool last = !rest[strspn(rest, "/")];
	char name[NAME_MAX + 1];
	TX_FD fd = -1;
	struct stat st;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	snprintf(name, sizeof(name), "%.*s", (int)len, way->todo + skip);
	fd = openat(way->at, *name ? name : ".", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode) && !(last && (flags & O_NOFOLLOW)))
		return follow(way, fd, &st, rest);
	if (last) {
		*opened = openat(way->at, *name ? name : ".", flags | O_NOFOLLOW | O_CLOEXEC);
		return *opened < 0 ? -errno : 1;
	}
	memmove(way->todo, rest, strlen(rest) + 1);
	tx_fd_release(&way->at);
	way->at = tx_fd_steal(&fd);
	return 0;
}

static int open_anywhere(const struct tarx_place *place, const char *path, int flags)
{
	struct way way = { .place = place, .todo = strdup(path) };
	int r, opened = -1;

	way.at = openat(place->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = !way.todo ? -ENOMEM : way.at < 0 ? -errno : 0;
	if (r == 0 && *path == '/')
		r = start_at_root(&way);
	while (r == 0)
		r = step(&way, flags, &opened);
	tx_fd_release(&way.at);
	free(way.todo);
	return r < 0 ? r : opened;
}

int tarx_place_find(const struct tarx_place *place, const char *path, int flags)
{
	if (place->anywhere)
		return open_anywhere(place, path, flags);
	return tx_open_beneath(place->root, *path ? path : ".", flags, 0);
}
