/* The directories that members lie in, from the target down to the last one, kept open: what follows in an
 * archive lies in one of them nearly always. */
#include "tarx/place_parts.h"

#include "align/cleanup.h"
#include "align/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void tarx_place_let_go(struct tarx_place *place)
{
	struct tarx_parent *parent = &place->parent;

	while (parent->held_count > 0)
		tx_fd_release(&parent->held[--parent->held_count].fd);
	parent->fd = -1;
	free(parent->path);
	parent->path = NULL;
	parent->stale = false;
}

/* Whether HELD is PATH, or a directory on the way to it. */
static bool is_on_the_way(const struct tarx_parent *parent, const struct tarx_held *held,
			  const char *path, size_t len)
{
	if (held->len > len || strncmp(parent->path, path, held->len) != 0)
		return false;
	return held->len == len || held->len == 0 || path[held->len] == '/';
}

/* Lets go of what does not lie on the way to PATH. True: PATH itself is open. */
static bool go_back(struct tarx_place *place, const char *path, size_t len)
{
	struct tarx_parent *parent = &place->parent;

	if (parent->held_count > 0 && parent->held[parent->held_count - 1].len == len &&
	    !strncmp(parent->path, path, len))
		return true;
	/* Where names lead somewhere else now, or anywhere, they are looked up. */
	if (parent->stale || place->anywhere)
		tarx_place_let_go(place);
	while (parent->held_count > 0) {
		struct tarx_held *held = &parent->held[parent->held_count - 1];

		if (is_on_the_way(parent, held, path, len))
			return held->len == len;
		tx_fd_release(&held->fd);
		parent->held_count--;
	}
	return false;
}

/* What the file system of the directory can do, asked once a file system. */
static int learn_volume(struct tarx_place *place, const struct tarx_held *held, struct tx_err *err)
{
	struct align_volume *volume = &place->parent.volume;

	if (!volume->name || volume->dev != held->dev) {
		int r = align_volume_probe(volume, held->fd, err);

		if (r < 0)
			return r;
	}
	if (place->live.within)
		volume = &place->live.volume;
	place->mover.block = volume->block;
	place->mover.round_tail = volume->round_tail;
	return 0;
}

/* The last of those that are held is where things are made. */
static int take_last(struct tarx_place *place, struct tx_err *err)
{
	struct tarx_parent *parent = &place->parent;
	const struct tarx_held *held = &parent->held[parent->held_count - 1];

	parent->path[held->len] = '\0';
	parent->fd = held->fd;
	parent->acls = held->acls;
	tarx_live_enter(&place->live, held->fd);
	return learn_volume(place, held, err);
}

/* PATH, LEN bytes of it, is open as HELD->fd, which is taken over. 0 or -ENOMEM. */
static int push(struct tarx_parent *parent, const char *path, struct tarx_held held)
{
	char *copy = realloc(parent->path, held.len + 1);

	if (!copy) {
		tx_fd_release(&held.fd);
		return -ENOMEM;
	}
	memcpy(copy, path, held.len);
	copy[held.len] = '\0';
	parent->path = copy;
	if (parent->held_count == TARX_HELD_MOST) {
		tx_fd_release(&parent->held[0].fd);
		memmove(parent->held, parent->held + 1, --parent->held_count * sizeof(held));
	}
	parent->held[parent->held_count++] = held;
	return 0;
}

/* From the last directory that is held, or from the target. */
static int open_from_held(struct tarx_place *place, const char *path)
{
	const struct tarx_parent *parent = &place->parent;

	if (parent->held_count > 0) {
		const struct tarx_held *from = &parent->held[parent->held_count - 1];
		int fd = tx_open_beneath(from->fd, path + from->len + (from->len > 0),
					 O_RDONLY | O_DIRECTORY, 0);

		if (fd >= 0)
			return fd;
	}
	/* It is missing, or a symbolic link leads back above what is held. */
	return tarx_place_open_dir(place, path);
}

static int open_and_push(struct tarx_place *place, const char *path, struct tx_err *err)
{
	TX_FD fd = open_from_held(place, path);
	struct tarx_held held;
	struct stat st;

	/* A file may be in the way that is going to fail. */
	if (fd == -ENOTDIR && tarx_behind_has_some(place->behind)) {
		tarx_behind_settle(place->behind);
		fd = open_from_held(place, path);
	}
	if (fd == -EXDEV)
		return tx_reject(
			err, EXDEV, "%s",
			place->anywhere ? "a symbolic link on its path came with the archive"
					: "a symbolic link on its path is absolute or leads out of "
					  "the target");
	if (fd < 0)
		return tx_fail(err, -fd, "open its directory");
	if (fstat(fd, &st) < 0)
		return tx_fail(err, errno, "look at the directory");
	/* It may be one of those that are held, by another name. */
	tarx_behind_forget(place->behind);
	held = (struct tarx_held){ .len = strlen(path),
				   .dev = st.st_dev,
				   .number = tarx_behind_number(place->behind) };
	held.acls = tarx_meta_has_default_acl(fd);
	held.fd = tx_fd_steal(&fd);
	if (push(&place->parent, path, held) < 0)
		return tx_fail(err, ENOMEM, "remember the directory");
	return 0;
}

int tarx_place_enter(struct tarx_place *place, const char *path, size_t len, struct tx_err *err)
{
	TX_FREE char *dir = NULL;
	int r;

	if (!go_back(place, path, len)) {
		dir = strndup(path, len);
		if (!dir)
			return tx_fail(err, ENOMEM, "remember the directory");
		r = open_and_push(place, dir, err);
		if (r < 0) {
			tarx_place_let_go(place);
			return r;
		}
	}
	r = take_last(place, err);
	if (r < 0)
		tarx_place_let_go(place);
	return r;
}

void tarx_place_hold(struct tarx_place *place, const char *path, int fd, const struct stat *st,
		     bool is_new)
{
	struct tarx_held held = { .fd = fd,
				  .len = strlen(path),
				  .dev = st->st_dev,
				  .number = tarx_behind_number(place->behind),
				  .epoch = is_new ? tarx_behind_epoch(place->behind) : 0 };

	/* The target is held already, as what its members lie in. */
	if (held.len == 0) {
		tx_fd_release(&held.fd);
		return;
	}
	held.acls = (!is_new || place->parent.acls) && tarx_meta_has_default_acl(fd);
	if (push(&place->parent, path, held) < 0)
		tarx_place_let_go(place);
}
