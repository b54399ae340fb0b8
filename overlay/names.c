#include "overlay/names.h"

#include "align/cleanup.h"
#include "overlay/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct overlay_stack overlay_names_lowers(const struct overlay_stack *s)
{
	struct overlay_stack lowers = *s;

	lowers.layers += s->has_upper;
	lowers.count -= s->has_upper;
	lowers.has_upper = false;
	return lowers;
}

/* Those of higher layers come first among equals. */
static int by_name(const void *a, const void *b)
{
	const struct overlay_name *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : (x->place > y->place) - (x->place < y->place);
}

static int read_place(int dir, struct tx_names *text)
{
	TX_FD fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : tx_names_read(text, fd);
}

static int read_texts(struct overlay_names *names, const struct overlay_dir *dir)
{
	size_t count = 0;

	names->texts = calloc(dir->count + 1, sizeof(*names->texts));
	if (!names->texts)
		return -ENOMEM;
	for (; names->text_count < dir->count; names->text_count++) {
		int r = dir->places[names->text_count].fd < 0
				? -ESTALE
				: read_place(dir->places[names->text_count].fd,
					     &names->texts[names->text_count]);

		if (r < 0)
			return r;
		count += names->texts[names->text_count].count;
	}
	names->list = calloc(count + 1, sizeof(*names->list));
	return names->list ? 0 : -ENOMEM;
}

static void collect(struct overlay_names *names)
{
	for (size_t place = 0; place < names->text_count; place++)
		for (size_t i = 0; i < names->texts[place].count; i++)
			names->list[names->count++] = (struct overlay_name){
				.name = names->texts[place].list[i].name, .place = place
			};
	qsort(names->list, names->count, sizeof(*names->list), by_name);
}

/* Whether the empty file NAME is a whiteout by attribute. 1, 0 or -errno. */
static int is_marked(int dir, const char *name, const struct stat *st, bool userxattr,
		     struct tx_err *err)
{
	TX_FD fd = tx_open_beneath_nofollow(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	TX_FD above = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct overlay_marks marks, parent;
	struct stat above_st;

	if (fd < 0 || above < 0 || fstat(above, &above_st) < 0)
		return tx_fail(err, fd < 0 ? -fd : errno, "open %s in a layer", name);
	if (overlay_marks_read(&parent, above, &above_st, userxattr, false, err) < 0 ||
	    overlay_marks_read(&marks, fd, st, userxattr, parent.xattr_whiteouts, err) < 0)
		return -err->code;
	return marks.whiteout;
}

/* 1: it is seen, 0: it is a removal, or -errno. */
static int look_at(struct overlay_name *entry, const struct overlay_stack *s,
		   const struct overlay_dir *dir, struct tx_err *err)
{
	int fd = dir->places[entry->place].fd;
	struct stat st;
	int r = 0;

	if (fstatat(fd, entry->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return tx_fail(err, errno, "look at %s in a layer", entry->name);
	entry->directory = S_ISDIR(st.st_mode);
	if (S_ISCHR(st.st_mode) && st.st_rdev == 0)
		return 0;
	if (S_ISREG(st.st_mode) && st.st_size == 0)
		r = is_marked(fd, entry->name, &st, s->userxattr, err);
	return r < 0 ? r : !r;
}

int overlay_names_read(struct overlay_names *names, const struct overlay_stack *s,
		       const struct overlay_dir *dir, struct tx_err *err)
{
	size_t kept = 0;
	int r;

	*names = (struct overlay_names){ 0 };
	if (s->fuse)
		return tx_reject(err, EOPNOTSUPP, "its layers are fuse-overlayfs'");
	r = read_texts(names, dir);
	if (r < 0)
		return tx_fail(err, -r, "read a directory of the layers");
	collect(names);
	for (size_t i = 0; i < names->count; i++) {
		/* The topmost decides. */
		if (i > 0 && !strcmp(names->list[i].name, names->list[i - 1].name))
			continue;
		r = look_at(&names->list[i], s, dir, err);
		if (r < 0)
			return r;
		if (r > 0)
			names->list[kept++] = names->list[i];
	}
	names->count = kept;
	return 0;
}

void overlay_names_release(struct overlay_names *names)
{
	for (size_t i = 0; i < names->text_count; i++)
		tx_names_release(&names->texts[i]);
	free(names->texts);
	free(names->list);
	*names = (struct overlay_names){ 0 };
}
