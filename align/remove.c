#include "align/remove.h"

#include "align/cleanup.h"
#include "align/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_directory(int dir, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	long fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

static int remove_within(int dir, const char *name)
{
	TX_FD fd = open_directory(dir, name);
	struct tx_names names;
	int r;

	if (fd < 0)
		return fd;
	r = tx_names_read(&names, fd);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		r = tx_remove_tree(fd, names.list[i].name);
		if (r == -ENOENT)
			r = 0;
	}
	tx_names_release(&names);
	return r;
}

int tx_remove_tree(int dir, const char *name)
{
	int r;

	if (unlinkat(dir, name, 0) == 0)
		return 0;
	if (errno != EISDIR)
		return -errno;
	if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -errno;
	r = remove_within(dir, name);
	if (r == 0 && unlinkat(dir, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}
