#include "align/io.h"

#include "align/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where a stream stands, instead of a byte's number. */
#define HERE ((off_t)-1)

static ssize_t read_whole(int fd, void *buf, size_t n, off_t off)
{
	size_t done = 0;

	while (done < n) {
		void *to = (char *)buf + done;
		ssize_t r = off == HERE ? read(fd, to, n - done)
					: pread(fd, to, n - done, off + (off_t)done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

static int write_whole(int fd, const void *buf, size_t n, off_t off)
{
	size_t done = 0;

	while (done < n) {
		const void *from = (const char *)buf + done;
		ssize_t w = off == HERE ? write(fd, from, n - done)
					: pwrite(fd, from, n - done, off + (off_t)done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		done += (size_t)w;
	}
	return 0;
}

ssize_t tx_read_at(int fd, void *buf, size_t n, off_t off)
{
	return read_whole(fd, buf, n, off);
}

ssize_t tx_read_stream(int fd, void *buf, size_t n)
{
	return read_whole(fd, buf, n, HERE);
}

int tx_write_at(int fd, const void *buf, size_t n, off_t off)
{
	return write_whole(fd, buf, n, off);
}

int tx_write_stream(int fd, const void *buf, size_t n)
{
	return write_whole(fd, buf, n, HERE);
}

static int open_resolved(int root, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	bool creates = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
	struct open_how how = {
		.flags = (__u64)(unsigned int)(flags | O_CLOEXEC),
		.mode = creates ? mode : 0,
		.resolve = resolve | RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int tries = 1000;
	long fd;

	/* EAGAIN: something was renamed during the walk and the kernel could not be sure that it
	 * stayed beneath ROOT; see openat2(2). */
	do
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	while (fd < 0 && (errno == EAGAIN || errno == EINTR) && --tries > 0);
	return fd < 0 ? -errno : (int)fd;
}

/* Length of the longest run of whole components of PATH that one system call takes. */
static size_t leading_part(const char *path)
{
	size_t len = PATH_MAX - 1;

	while (len > 0 && path[len] != '/')
		len--;
	return len;
}

static int open_long(int root, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	TX_FD dir = -1;

	while (strlen(path) >= PATH_MAX) {
		char part[PATH_MAX];
		size_t len = leading_part(path);
		int next;

		if (len == 0)
			return -ENAMETOOLONG;
		memcpy(part, path, len);
		part[len] = '\0';
		next = open_resolved(dir < 0 ? root : dir, part, O_PATH | O_DIRECTORY, 0, resolve);
		if (next < 0)
			return next;
		tx_fd_release(&dir);
		dir = next;
		path += len;
		while (*path == '/')
			path++;
	}
	return open_resolved(dir < 0 ? root : dir, *path ? path : ".", flags, mode, resolve);
}

int tx_open_beneath(int root, const char *path, int flags, mode_t mode)
{
	return open_long(root, path, flags, mode, 0);
}

int tx_open_beneath_nofollow(int root, const char *path, int flags, mode_t mode)
{
	return open_long(root, path, flags, mode, RESOLVE_NO_SYMLINKS);
}

struct names_text {
	char *bytes; /* owned */
	size_t used, room, count;
};

/* An entry is kept as its inode, its type, its name and a NUL. */
#define NAME_AT (sizeof(ino_t) + 1)

static int add_entry(struct names_text *text, const struct dirent64 *d)
{
	size_t len = strlen(d->d_name) + 1;
	ino_t ino = d->d_ino;

	if (text->used + NAME_AT + len > text->room) {
		size_t room = (text->used + NAME_AT + len) * 2 + 1024;
		char *bytes = realloc(text->bytes, room);

		if (!bytes)
			return -ENOMEM;
		text->bytes = bytes;
		text->room = room;
	}
	memcpy(text->bytes + text->used, &ino, sizeof(ino));
	text->bytes[text->used + sizeof(ino)] = (char)d->d_type;
	memcpy(text->bytes + text->used + NAME_AT, d->d_name, len);
	text->used += NAME_AT + len;
	text->count++;
	return 0;
}

static int add_entries(struct names_text *text, const char *buf, size_t n)
{
	for (size_t at = 0; at < n;) {
		const struct dirent64 *d = (const void *)(buf + at);
		int r;

		at += d->d_reclen;
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		r = add_entry(text, d);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_entries(struct names_text *text, int fd)
{
	_Alignas(struct dirent64) char buf[32768];

	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	for (;;) {
		ssize_t n = getdents64(fd, buf, sizeof(buf));
		int r;

		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		r = add_entries(text, buf, (size_t)n);
		if (r < 0)
			return r;
	}
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(((const struct tx_name *)a)->name, ((const struct tx_name *)b)->name);
}

int tx_names_read(struct tx_names *names, int fd)
{
	struct names_text text = { 0 };
	const char *at;
	int r;

	*names = (struct tx_names){ 0 };
	r = read_entries(&text, fd);
	if (r < 0) {
		free(text.bytes);
		return r;
	}
	names->text = text.bytes;
	names->list = calloc(text.count + 1, sizeof(*names->list));
	if (!names->list) {
		tx_names_release(names);
		return -ENOMEM;
	}
	at = text.bytes;
	for (size_t i = 0; i < text.count; i++) {
		struct tx_name *name = &names->list[i];

		memcpy(&name->ino, at, sizeof(name->ino));
		name->type = (unsigned char)at[sizeof(name->ino)];
		name->name = at + NAME_AT;
		at = name->name + strlen(name->name) + 1;
	}
	names->count = text.count;
	if (names->count > 0)
		qsort(names->list, names->count, sizeof(*names->list), by_bytes);
	return 0;
}

static int by_inode(const void *a, const void *b)
{
	const struct tx_name *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return strcmp(x->name, y->name);
}

void tx_names_sort_by_inode(struct tx_names *names)
{
	if (names->count > 0)
		qsort(names->list, names->count, sizeof(*names->list), by_inode);
}

void tx_names_release(struct tx_names *names)
{
	free(names->list);
	free(names->text);
	*names = (struct tx_names){ 0 };
}

void tx_proc_path(char out[TX_PROC_ROOM], int fd)
{
	snprintf(out, TX_PROC_ROOM, "/proc/self/fd/%d", fd);
}
