#include "align/newfile.h"

#include "align/cleanup.h"
#include "align/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

void tx_temp_name(char name[TX_TEMP_ROOM])
{
	uint64_t number = 0;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number)) {
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		number = (uint64_t)now.tv_nsec ^ ((uint64_t)getpid() << 32);
	}
	snprintf(name, TX_TEMP_ROOM, ".tarx-%016jx", (uintmax_t)number);
}

/* The directory that PATH lies in, and the name there. */
static int open_parent(struct tx_newfile *file, const char *path)
{
	const char *slash = strrchr(path, '/');
	TX_FREE char *dir = slash ? strndup(path, (size_t)(slash - path + 1)) : strdup(".");

	file->name = strdup(slash ? slash + 1 : path);
	if (!dir || !file->name)
		return -ENOMEM;
	if (!*file->name)
		return -EISDIR;
	file->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return file->dir < 0 ? -errno : 0;
}

static int open_in_place(struct tx_newfile *file, const char *path)
{
	file->in_place = true;
	file->fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	return file->fd < 0 ? -errno : 0;
}

static int open_named(struct tx_newfile *file)
{
	tx_temp_name(file->temp);
	tx_doom(file->dir, file->temp);
	file->fd = openat(file->dir, file->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (file->fd < 0) {
		tx_undoom();
		file->temp[0] = '\0';
		return -errno;
	}
	return 0;
}

static int open_hidden(struct tx_newfile *file)
{
	file->fd = openat(file->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	if (file->fd >= 0)
		return 0;
	if (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL)
		return open_named(file);
	return -errno;
}

/* As far as we may: a stranger's file that we can replace but not give back stays private. */
static void take_over_mode(struct tx_newfile *file)
{
	mode_t mode = file->old.st_mode & 0777;
	bool ours = file->old.st_uid == geteuid() && file->old.st_gid == getegid();

	if (!ours && fchown(file->fd, file->old.st_uid, file->old.st_gid) < 0)
		mode &= 0700;
	if (fchmod(file->fd, mode) < 0)
		return; /* a file system without modes */
}

/* Begins the file beside the one that PATH leads to, or where PATH is. The kernel has decided (by
 * stat(2)) whether we may follow a link that lies there, which realpath(3) does not ask. */
static int open_beside(struct tx_newfile *file, const char *path, const struct stat *named)
{
	TX_FREE char *real = named ? realpath(path, NULL) : strdup(path);
	int r = real ? open_parent(file, real) : -errno;

	if (r < 0)
		return r;
	if (fstatat(file->dir, file->name, &file->old, AT_SYMLINK_NOFOLLOW) == 0)
		file->replaces = true;
	if (file->replaces != (named != NULL))
		return -EAGAIN;
	if (named && (file->old.st_dev != named->st_dev || file->old.st_ino != named->st_ino))
		return -EAGAIN;
	return open_hidden(file);
}

static int open_any(struct tx_newfile *file, const char *path, struct tx_err *err)
{
	struct stat named;
	int r;

	if (stat(path, &named) == 0) {
		if (S_ISDIR(named.st_mode))
			r = -EISDIR;
		else
			r = S_ISREG(named.st_mode) ? open_beside(file, path, &named)
						   : open_in_place(file, path);
	} else if (errno != ENOENT) {
		r = -errno;
	} else if (lstat(path, &named) == 0) {
		return tx_reject(
			err, EEXIST,
			"create: it is a symbolic link to nothing; name what it should lead to");
	} else {
		r = open_beside(file, path, NULL);
	}
	return r < 0 ? tx_fail(err, -r, "create") : 0;
}

int tx_newfile_open(struct tx_newfile *file, const char *path, struct tx_err *err)
{
	int r;

	*file = (struct tx_newfile){ .fd = -1, .dir = -1 };
	r = open_any(file, path, err);
	if (r < 0)
		tx_newfile_release(file);
	else if (file->replaces)
		take_over_mode(file);
	return r;
}

/* By the descriptor itself, which needs privilege, or by its name in /proc, which needs /proc. */
static int link_as(const struct tx_newfile *file, const char *name)
{
	char self[TX_PROC_ROOM];

	if (linkat(file->fd, "", file->dir, name, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno == EEXIST)
		return -EEXIST;
	tx_proc_path(self, file->fd);
	return linkat(AT_FDCWD, self, file->dir, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* A file without a name gets one: at once where it is free, else by way of a temporary one. */
static int link_hidden(struct tx_newfile *file)
{
	int r = link_as(file, file->name);

	if (r != -EEXIST)
		return r;
	tx_temp_name(file->temp);
	r = link_as(file, file->temp);
	if (r < 0)
		file->temp[0] = '\0';
	else
		tx_doom(file->dir, file->temp);
	return r;
}

static int rename_temp(struct tx_newfile *file)
{
	if (renameat(file->dir, file->temp, file->dir, file->name) < 0)
		return -errno;
	tx_undoom();
	file->temp[0] = '\0';
	return 0;
}

int tx_newfile_commit(struct tx_newfile *file, bool sync, struct tx_err *err)
{
	int r = 0;

	if (file->in_place)
		return 0;
	if (!file->temp[0])
		r = link_hidden(file);
	if (r == 0 && file->temp[0])
		r = rename_temp(file);
	if (r < 0)
		return tx_fail(err, -r, "give the finished file its name");
	if (sync && fsync(file->dir) < 0 && errno != EINVAL)
		return tx_fail(err, errno, "sync the directory");
	return 0;
}

void tx_newfile_release(struct tx_newfile *file)
{
	if (file->temp[0])
		unlinkat(file->dir, file->temp, 0);
	tx_undoom();
	file->temp[0] = '\0';
	tx_fd_release(&file->fd);
	tx_fd_release(&file->dir);
	free(file->name);
	file->name = NULL;
}
