#include "overlay/view.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "overlay/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static int set(int fs, const char *key, const char *value)
{
	return fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

static int add_layers(const struct overlay_stack *s, int fs)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->count; i++) {
		char path[TX_PROC_ROOM];

		if (s->layers[i].fd < 0)
			return -ENOENT;
		tx_proc_path(path, s->layers[i].fd);
		r = set(fs, s->layers[i].data_only ? "datadir+" : "lowerdir+", path);
	}
	return r;
}

static int configure(const struct overlay_stack *s, int fs)
{
	int r = add_layers(s, fs);

	if (r == 0 && s->userxattr)
		return fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0 ? -errno : 0;
	return r == 0 ? set(fs, "metacopy", "on") : r;
}

/* The descriptor of the view's root. */
static int mount_nowhere(const struct overlay_stack *s)
{
	TX_FD fs = fsopen("overlay", FSOPEN_CLOEXEC);
	int r, fd;

	if (fs < 0)
		return -errno;
	r = configure(s, fs);
	if (r < 0)
		return r;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(fs, FSMOUNT_CLOEXEC,
		     MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? -errno : fd;
}

int overlay_view_open(struct overlay_stack *s)
{
	TX_FREE char *prefix = strdup("");
	TX_FREE char *point = strdup("/");
	TX_FD fd = mount_nowhere(s);
	struct stat st;
	uint64_t id;
	int r;

	if (fd < 0)
		return fd;
	if (!prefix || !point)
		return -ENOMEM;
	r = overlay_mount_id(fd, &id);
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r < 0)
		return r;
	s->root = tx_fd_steal(&fd);
	s->view = true;
	s->prefix = tx_ptr_steal(&prefix);
	s->point = tx_ptr_steal(&point);
	s->mount_id = id;
	s->dev = st.st_dev;
	return 0;
}
