#include "overlay/storage.h"

#include "align/cleanup.h"
#include "align/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Names are 26 letters, layers at most some hundreds; what is longer is something else. */
#define LINK_MAX_LEN 64
#define LOWER_MAX    65536

/* The whole of a small file, a NUL behind it; a newline at its end is taken off. The length,
 * -EFBIG, -errno. */
static ssize_t read_small(int dir, const char *name, char *text, size_t room)
{
	TX_FD fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	n = tx_read_at(fd, text, room, 0);
	if (n < 0)
		return n;
	if ((size_t)n == room)
		return -EFBIG;
	if (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	return n;
}

static int open_below(int home, const char *path)
{
	return tx_open_beneath(home, path, O_PATH | O_DIRECTORY, 0);
}

/* Whether "l/NAME" in HOME leads to DIFF. */
static bool leads_to(int home, const char *name, int diff)
{
	char path[LINK_MAX_LEN + 3];
	struct stat a, b;
	TX_FD fd = -1;

	snprintf(path, sizeof(path), "l/%s", name);
	fd = open_below(home, path);
	return fd >= 0 && fstat(fd, &a) == 0 && fstat(diff, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static bool is_layer(struct overlay_storage *storage, int dir)
{
	char name[LINK_MAX_LEN];
	struct stat st;
	ssize_t n;

	storage->diff = openat(dir, "diff", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (storage->diff < 0)
		return false;
	n = read_small(dir, "link", name, sizeof(name));
	if (n <= 0 || strlen(name) != (size_t)n || strchr(name, '/') || *name == '.')
		return false;
	storage->home = openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (storage->home < 0 || fstat(dir, &st) < 0)
		return false;
	storage->owner = st.st_uid;
	return leads_to(storage->home, name, storage->diff);
}

/* ".has-mount-program" says "true" or "false"; before there was such a program the file is not
 * there. */
static bool has_mount_program(int home)
{
	char text[16];
	ssize_t n = read_small(home, ".has-mount-program", text, sizeof(text));

	return n != -ENOENT && (n < 0 || strcmp(text, "false") != 0);
}

/* Cuts the text up at its colons. */
static int split(struct overlay_storage *storage)
{
	size_t colons = 0;

	for (const char *c = storage->text; *c; c++)
		colons += *c == ':';
	storage->lowers = calloc(colons + 1, sizeof(*storage->lowers));
	if (!storage->lowers)
		return -ENOMEM;
	for (char *rest = storage->text, *path; (path = strsep(&rest, ":"));) {
		if (!*path || *path == '/')
			return -EINVAL;
		storage->lowers[storage->count++] = path;
	}
	return 0;
}

static int read_lowers(struct overlay_storage *storage, int dir)
{
	ssize_t n;

	storage->text = malloc(LOWER_MAX);
	if (!storage->text)
		return -ENOMEM;
	n = read_small(dir, "lower", storage->text, LOWER_MAX);
	if (n == -ENOENT)
		return 0;
	if (n < 0)
		return (int)n;
	return strlen(storage->text) == (size_t)n ? split(storage) : -EINVAL;
}

int overlay_storage_open(struct overlay_storage *storage, int dir, struct tx_err *err)
{
	int r;

	*storage = (struct overlay_storage){ .home = -1, .diff = -1 };
	if (!is_layer(storage, dir))
		return 0;
	r = read_lowers(storage, dir);
	if (r < 0)
		return tx_fail(err, -r, "read which layers are below, from container storage's %s",
			       "file \"lower\"");
	storage->fuse = has_mount_program(storage->home);
	return 1;
}

int overlay_storage_lower(const struct overlay_storage *storage, size_t at)
{
	return open_below(storage->home, storage->lowers[at]);
}

void overlay_storage_release(struct overlay_storage *storage)
{
	tx_fd_release(&storage->home);
	tx_fd_release(&storage->diff);
	free(storage->text);
	free(storage->lowers);
	*storage = (struct overlay_storage){ .home = -1, .diff = -1 };
}
