#include "overlay/merged.h"

#include "align/cleanup.h"
#include "overlay/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* ------------------------------------------------------------------ one name in one layer */

/* The state of a lookup on its way down through the layers, as the kernel keeps it (struct
 * ovl_lookup_data). */
struct lookup {
	const struct overlay_stack *s; /* borrowed */
	char *name; /* owned; in the next layer: a name, or a path from the root, "/a/b" */
	bool is_dir; /* a directory was found: what else has its name below is hidden */
	bool metacopy; /* a metadata-only file was found: its bytes are looked for */
	bool stop; /* what was found hides all below */
};

/* Part of a lookup's name: LEN bytes at AT. */
struct part {
	size_t at, len;
	char name[NAME_MAX + 1];
};

static bool is_last(const struct lookup *l, const struct part *part)
{
	return !l->name[part->at + part->len];
}

/* What is mounted within a layer is not seen by overlayfs (EXDEV). */
static int open_name(int dir, const char *name, int flags)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC |
			 (unsigned)flags,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	long fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* An empty file may be a whiteout by attribute; if it is not, there are no bytes to look for. */
static bool is_whiteout(const struct stat *st)
{
	return (S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0)) ||
	       (S_ISREG(st->st_mode) && st->st_size == 0);
}

static bool is_hidden_by_fuse(int dir, const char *name)
{
	char whiteout[NAME_MAX + 5];

	snprintf(whiteout, sizeof(whiteout), ".wh.%s", name);
	return faccessat(dir, whiteout, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The rest of the lookup goes by the redirect of FD, if it has one: its name takes the place of
 * PART, or its path that of PART and all before it. */
static int follow(struct lookup *l, const struct part *part, int fd)
{
	TX_FREE char *redirect = NULL;
	const char *post = l->name + part->at + part->len;
	int r = overlay_marks_redirect(fd, l->s->userxattr, &redirect);
	char *name;

	if (r <= 0)
		return r;
	if (*redirect == '/')
		l->stop = false;
	r = asprintf(&name, "%.*s%s%s", *redirect == '/' ? 0 : (int)part->at, l->name, redirect,
		     post);
	if (r < 0)
		return -ENOMEM;
	free(l->name);
	l->name = name;
	return 0;
}

static int found_dir(struct lookup *l, const struct part *part, int fd)
{
	bool opaque;
	int r;

	if (is_last(l, part))
		l->is_dir = true;
	r = overlay_marks_opaque(fd, l->s->userxattr, l->s->fuse, &opaque);
	if (r < 0)
		return r;
	if (opaque) {
		l->stop = true;
		return 0;
	}
	return l->s->fuse ? 0 : follow(l, part, fd);
}

static int found_file(struct lookup *l, const struct part *part, int fd)
{
	int r = l->s->fuse ? 0 : overlay_marks_metacopy(fd, l->s->userxattr);

	l->metacopy = r > 0;
	l->stop = r <= 0;
	return r > 0 ? follow(l, part, fd) : r;
}

/* Looks for PART in DIR. The descriptor, -ENOENT (go on below unless stop is set), or -errno: nothing
 * can be said of what is below. */
static int look_at(struct lookup *l, int dir, const struct part *part)
{
	TX_FD fd = -1;
	struct stat st;
	int r;

	if (fstatat(dir, part->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return -errno;
		l->stop = l->s->fuse && is_hidden_by_fuse(dir, part->name);
		return -ENOENT;
	}
	if (is_whiteout(&st) || (!S_ISDIR(st.st_mode) && (l->is_dir || !is_last(l, part))) ||
	    (S_ISDIR(st.st_mode) && l->metacopy && is_last(l, part)) ||
	    (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))) {
		l->stop = true;
		return -ENOENT;
	}
	fd = open_name(dir, part->name, S_ISDIR(st.st_mode) ? O_DIRECTORY : 0);
	if (fd < 0)
		return fd == -ENOENT ? -ESTALE : fd;
	r = S_ISDIR(st.st_mode) ? found_dir(l, part, fd) : found_file(l, part, fd);
	return r < 0 ? r : tx_fd_steal(&fd);
}

/* Cuts out the part of the name that begins at AT. */
static int cut(const struct lookup *l, size_t at, struct part *part)
{
	part->at = at;
	part->len = (size_t)(strchrnul(l->name + at, '/') - (l->name + at));
	if (part->len == 0 || part->len > NAME_MAX)
		return -EINVAL;
	memcpy(part->name, l->name + at, part->len);
	part->name[part->len] = '\0';
	return 0;
}

/* Looks the whole name up in DIR: the directory of the last name, or the layer's root where the name
 * is a path. The name may change on the way, but not behind the part in hand. */
static int look_in(struct lookup *l, int dir)
{
	size_t rest = strlen(l->name) - (*l->name == '/');
	TX_FD base = -1;

	for (;;) {
		struct part part;
		int r = cut(l, strlen(l->name) - rest, &part);
		bool last = part.len == rest;

		if (r == 0)
			r = look_at(l, base < 0 ? dir : base, &part);
		tx_fd_release(&base);
		if (r < 0 || last)
			return r;
		base = r;
		rest -= part.len + 1;
	}
}

/* ------------------------------------------------------------------ down through the layers */

/* Where the lookup goes on: the places of a directory, or the roots of the layers after an absolute
 * redirect. */
struct descent {
	struct lookup l;
	const struct overlay_dir *parent; /* borrowed */
	bool from_roots;
	size_t next; /* place of the parent, or layer */
};

static int descent_open(struct descent *d, const struct overlay_stack *s,
			const struct overlay_dir *parent, const char *name)
{
	*d = (struct descent){ .l = { .s = s, .name = strdup(name) }, .parent = parent };
	return d->l.name ? 0 : -ENOMEM;
}

static size_t names_end(const struct overlay_stack *s)
{
	size_t end = 0;

	while (end < s->count && !s->layers[end].data_only)
		end++;
	return end;
}

static bool next_place(struct descent *d, struct overlay_place *place)
{
	if (d->l.stop)
		return false;
	if (d->from_roots) {
		if (d->next == names_end(d->l.s))
			return false;
		*place = (struct overlay_place){ .fd = d->l.s->layers[d->next].fd,
						 .layer = d->next };
	} else {
		if (d->next == d->parent->count)
			return false;
		*place = d->parent->places[d->next];
	}
	d->next++;
	return true;
}

/* The next layer that has the name. 1: PLACE is filled, its descriptor the caller's; 0: no more;
 * -errno: from here on nothing is known. */
static int descend(struct descent *d, struct overlay_place *place)
{
	while (next_place(d, place)) {
		int fd = place->fd < 0 ? -ESTALE : look_in(&d->l, place->fd);

		if (!d->from_roots && *d->l.name == '/') {
			d->from_roots = true;
			d->next = place->layer + 1;
		}
		if (fd == -ENOENT)
			continue;
		place->fd = fd;
		return fd < 0 ? fd : 1;
	}
	return 0;
}

static int add_place(struct overlay_dir *dir, int fd, size_t layer)
{
	struct overlay_place *more = realloc(dir->places, (dir->count + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	dir->places = more;
	more[dir->count++] = (struct overlay_place){ .fd = fd, .layer = layer };
	return 0;
}

int overlay_dir_root(const struct overlay_stack *s, struct overlay_dir *dir)
{
	int r = 0;

	*dir = (struct overlay_dir){ .borrowed = true };
	for (size_t i = 0; r == 0 && i < names_end(s); i++)
		r = add_place(dir, s->layers[i].fd, i);
	return r;
}

int overlay_dir_enter(const struct overlay_stack *s, const struct overlay_dir *parent,
		      const char *name, struct overlay_dir *dir)
{
	struct overlay_place place;
	struct descent d;
	int r = descent_open(&d, s, parent, name);

	*dir = (struct overlay_dir){ 0 };
	while (r == 0 && (r = descend(&d, &place)) > 0) {
		TX_FD fd = place.fd;

		if (!d.l.is_dir) {
			r = 0;
			break;
		}
		r = add_place(dir, fd, place.layer);
		if (r == 0)
			tx_fd_steal(&fd);
	}
	if (r < 0 && r != -ENOMEM)
		r = add_place(dir, -1, SIZE_MAX);
	free(d.l.name);
	return r;
}

void overlay_dir_release(struct overlay_dir *dir)
{
	for (size_t i = 0; i < dir->count && !dir->borrowed; i++)
		tx_fd_release(&dir->places[i].fd);
	free(dir->places);
	*dir = (struct overlay_dir){ 0 };
}

/* ------------------------------------------------------------------ the bytes of a file */

/* Data-only layers have no names of their own: a redirect is a path in them. */
static int look_in_data(const struct lookup *l, struct overlay_file *file)
{
	for (size_t i = names_end(l->s); i < l->s->count; i++) {
		int fd = l->s->layers[i].fd < 0 ? -ESTALE
						: open_name(l->s->layers[i].fd, l->name + 1, 0);

		if (fd == -ENOENT)
			continue;
		file->fd = fd < 0 ? -1 : fd;
		file->layer = i;
		return fd < 0 ? fd : 0;
	}
	return -ENOENT;
}

static int find_bytes(struct descent *d, struct overlay_file *file)
{
	struct overlay_place place;
	int r;

	while ((r = descend(d, &place)) > 0) {
		TX_FD fd = place.fd;

		if (d->l.is_dir)
			return -ENOENT;
		if (d->l.metacopy) {
			file->metacopy = true;
			continue;
		}
		file->fd = tx_fd_steal(&fd);
		file->layer = place.layer;
		return 0;
	}
	if (r == 0 && d->l.metacopy && *d->l.name == '/')
		return look_in_data(&d->l, file);
	return r < 0 ? r : -ENOENT;
}

int overlay_dir_file(const struct overlay_stack *s, const struct overlay_dir *parent,
		     const char *name, struct overlay_file *file)
{
	struct descent d;
	int r = descent_open(&d, s, parent, name);

	*file = (struct overlay_file){ .fd = -1 };
	if (r == 0)
		r = find_bytes(&d, file);
	free(d.l.name);
	return r;
}
