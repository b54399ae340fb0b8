/* Regular files that are filled by threads. Whoever reads the archive makes them, so that names and directories come in
 * the archive's order and the kernel tells what is in the way of what; bytes, attributes and closing follow behind. Where
 * nothing can be in the way, as the directory was just made and the archive did not have the name in it yet, the threads
 * make them, too. */
#include "tarx/place_parts.h"

#include "align/behind.h"
#include "align/cleanup.h"
#include "align/hash.h"
#include "align/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALL_FILE 32768 /* bytes that are taken along, of content, attributes and names */
#define LONG_FILE  (1 << 20) /* bytes; to copy more shows in the bar while it goes on */
#define NAMES_ROOM 8192u /* a power of 2; half of it is used */
#define BATCH      8 /* files for which a thread is woken, where the next ones come at once */

/* An attribute that could not be set. */
struct complaint {
	struct complaint *next;
	enum tarx_meta_loss loss;
	struct tx_err err;
};

/* The directory of files that wait: who reads may have closed his own meanwhile. */
struct shared_dir {
	int fd; /* owned */
	unsigned int users;
};

/* A file that waits. What it borrows lies in its arena, but for the place. */
struct waiting {
	struct tx_arena arena;
	struct tarx_place *place;
	struct shared_dir *dir; /* one of its users */
	const char *name; /* in there */
	struct tarx_item item;
	const char *restored;
	const char *bytes; /* of the payload; NULL: they are moved from item.data */
	int fd; /* owned; -1: it is not made yet */
	mode_t mode; /* to make it with */
	off_t archive_end; /* in the archive's file */
	enum align_reflink reflink;
	uint32_t block;
	bool round_tail;
	const struct tarx_meta_wants *wants; /* borrowed */

	struct stat st; /* when it had its bytes */
	struct align_tally tally;
	struct complaint *complaints, **last;
	bool refused;
	int r;
	struct tx_err err;
};

struct tarx_behind {
	struct align_behind jobs;
	struct align_mover movers[ALIGN_CREW_MOST];
	bool ended; /* what was told of one ends the run */
	struct shared_dir *dir; /* a user of it: the one of the last file */
	uint64_t dir_number; /* of that */
	uint64_t numbers; /* given to directories so far */
	uint64_t names[NAMES_ROOM]; /* in directories of this epoch; 0: free */
	unsigned int name_count;
	uint64_t epoch;
};

/* ------------------------------------------------------------------ by any thread */

static void note_complaint(void *data, enum tarx_meta_loss loss, const struct tx_err *err)
{
	struct waiting *file = data;
	struct complaint *complaint = tx_arena_take(&file->arena, sizeof(*complaint));

	if (!complaint) {
		file->r = tx_fail(&file->err, ENOMEM, "remember what could not be set");
		return;
	}
	*complaint = (struct complaint){ .loss = loss, .err = *err };
	*file->last = complaint;
	file->last = &complaint->next;
}

static int put_bytes(struct align_mover *mover, struct waiting *file)
{
	size_t size = (size_t)file->item.size;
	int r;

	if (size == 0)
		return 0;
	if (!file->bytes)
		return tarx_fill_from_file(mover, &file->item, file->archive_end, file->fd,
					   &file->refused, &file->err);
	r = tx_write_at(file->fd, file->bytes, size, 0);
	if (r < 0)
		return tx_fail(&file->err, -r, "write %zu bytes at 0", size);
	file->tally.copied += size;
	return 0;
}

static int make(struct waiting *file)
{
	file->fd = openat(file->dir->fd, file->name, TARX_NEW_FILE, file->mode);
	return file->fd < 0 ? -errno : 0;
}

static void fill(void *hand, void *job)
{
	struct align_mover *mover = hand;
	struct waiting *file = job;

	mover->reflink = file->reflink;
	mover->block = file->block;
	mover->round_tail = file->round_tail;
	mover->tally = &file->tally;
	file->r = file->fd < 0 ? make(file) : 0;
	if (file->fd < 0)
		return;
	file->r = put_bytes(mover, file);
	/* Not before: what was looked at gets another time when it is written to. */
	if (fstat(file->fd, &file->st) < 0 && file->r == 0)
		file->r = tx_fail(&file->err, errno, "look at it");
	if (file->r == 0)
		tarx_meta_apply(&file->item,
				&(struct tarx_meta_target){ .fd = file->fd, .now = &file->st },
				TARX_META_ALL, file->wants, NULL, note_complaint, file);
	/* Who tells of complaints has questions, and as long as a file is open nothing else is the same inode. */
	if (file->complaints || file->r < 0)
		return;
	if (close(file->fd) < 0 && file->r == 0)
		file->r = tx_fail(&file->err, errno, "close");
	file->fd = -1;
}

/* ------------------------------------------------------------------ what became of it */

/* Its name, if that still leads to it. */
static void remove_unfinished(const struct waiting *file)
{
	struct stat st;

	if (file->fd >= 0 && fstatat(file->dir->fd, file->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == file->st.st_dev && st.st_ino == file->st.st_ino)
		unlinkat(file->dir->fd, file->name, 0);
}

/* What is to be told is told but for a failure itself; the file stays open after one. 0 or -errno. */
static int conclude(struct waiting *file)
{
	struct tarx_place *place = file->place;

	if (file->r < 0 && file->fd < 0)
		tarx_place_refused(file->dir->fd, file->name, file->r, "create", &file->err);
	for (const struct complaint *c = file->complaints; c; c = c->next)
		tarx_place_complain(place, file->item.path, file->fd, c->loss, &c->err);
	if (file->fd >= 0 && file->r == 0) {
		if (close(file->fd) < 0)
			file->r = tx_fail(&file->err, errno, "close");
		file->fd = -1;
	}
	align_tally_add(place->mover.tally, &file->tally);
	place->refused |= file->refused;
	return file->r;
}

static void drop_dir(struct shared_dir **dir)
{
	if (*dir && --(*dir)->users == 0) {
		close((*dir)->fd);
		free(*dir);
	}
	*dir = NULL;
}

static void let_go(struct waiting *file)
{
	tx_fd_release(&file->fd);
	drop_dir(&file->dir);
}

static void hear(void *data, void *job)
{
	struct tarx_behind *behind = data;
	struct waiting *file = job;
	struct tarx_place *place = file->place;
	int r = conclude(file);

	if (r < 0)
		remove_unfinished(file);
	let_go(file);
	r = tarx_place_end_item(place, &file->item, file->restored, r, &file->err);
	if (r == 0)
		return;
	place->report->members[TARX_FILE]--;
	if (tarx_place_tell(place, &file->item, &file->err) < 0)
		behind->ended = true;
}

/* ------------------------------------------------------------------ putting off */

struct tarx_behind *tarx_behind_new(const struct tarx_opts *opts)
{
	struct tarx_behind *behind = calloc(1, sizeof(*behind));

	if (!behind)
		return NULL;
	align_behind_open(&behind->jobs);
	behind->jobs.threads = tarx_opts_threads(opts);
	behind->jobs.job_size = sizeof(struct waiting);
	behind->jobs.work = fill;
	behind->jobs.done = hear;
	behind->jobs.data = behind;
	behind->epoch = 1;
	for (size_t i = 0; i < ALIGN_CREW_MOST; i++)
		behind->jobs.hands[i] = &behind->movers[i];
	return behind;
}

/* ------------------------------------------------------------------ names in new directories */

uint64_t tarx_behind_number(struct tarx_behind *behind)
{
	return ++behind->numbers;
}

uint64_t tarx_behind_epoch(const struct tarx_behind *behind)
{
	return behind->epoch;
}

void tarx_behind_forget(struct tarx_behind *behind)
{
	behind->epoch++;
	if (behind->name_count == 0)
		return;
	/* Some may not be made yet, and nobody will know of them. */
	tarx_behind_settle(behind);
	memset(behind->names, 0, sizeof(behind->names));
	behind->name_count = 0;
}

/* True: it was not there. Two names with one hash are taken for one, which does no harm. */
static bool add_name(struct tarx_behind *behind, uint64_t h)
{
	size_t at = h & (NAMES_ROOM - 1);

	while (behind->names[at] && behind->names[at] != h)
		at = (at + 1) & (NAMES_ROOM - 1);
	if (behind->names[at])
		return false;
	behind->names[at] = h;
	behind->name_count++;
	return true;
}

bool tarx_place_take_name(struct tarx_place *place, const char *name)
{
	struct tarx_behind *behind = place->behind;
	const struct tarx_held *held = &place->parent.held[place->parent.held_count - 1];

	if (behind->name_count > NAMES_ROOM / 2)
		tarx_behind_forget(behind);
	/* There the kernel tells, as every name is made in its turn. */
	if (held->epoch != behind->epoch || place->anywhere)
		return false;
	if (add_name(behind, align_hash(held->number, name, strlen(name))))
		return true;
	tarx_behind_settle(behind);
	return false;
}

/* ------------------------------------------------------------------ what can wait */

/* Whether the bytes can be moved by a thread, and soon: long ones only where they are shared, as others were. */
static bool bytes_can_wait(const struct tarx_place *place, const struct tarx_item *item)
{
	const struct align_tally *tally = place->mover.tally;

	if (item->size <= LONG_FILE)
		return item->size <= SMALL_FILE || tarx_fill_is_direct(&place->mover, item);
	return tarx_fill_shares(&place->mover, item) && tally->cloned > 0 &&
	       !(tally->exdev | tally->notsup | tally->inval | tally->other);
}

/* What else is to be kept of it, bytes. */
static size_t length_of(const struct tarx_item *item, const char *restored)
{
	size_t length = strlen(item->path) + strlen(restored);

	for (size_t i = 0; i < item->xattr_count; i++)
		length += strlen(item->xattrs[i].name) + item->xattrs[i].len;
	return length;
}

bool tarx_place_can_wait(const struct tarx_place *place, const struct tarx_item *item,
			 const char *restored)
{
	const struct tarx_opts *opts = place->report->opts;

	if (opts->old != TARX_OLD_REPLACE || opts->keep_directory_symlink || opts->override_stat ||
	    opts->verbose_time || place->live.on || place->parent.acls)
		return false;
	if (item->segments || item->fflags || item->has_projid || item->acl_access ||
	    tarx_meta_compression(item) || length_of(item, restored) > SMALL_FILE)
		return false;
	if (place->mover.reflink == ALIGN_REFLINK_ALWAYS && !place->parent.volume.clones)
		return false;
	return bytes_can_wait(place, item);
}

static int keep_xattrs(struct waiting *file, const struct tarx_item *item)
{
	struct tarx_xattr *list = tx_arena_take(&file->arena, item->xattr_count * sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < item->xattr_count; i++) {
		const struct tarx_xattr *x = &item->xattrs[i];

		list[i].name = tx_arena_copy(&file->arena, x->name, strlen(x->name));
		list[i].value = tx_arena_copy(&file->arena, x->value, x->len);
		list[i].len = x->len;
		if (!list[i].name || !list[i].value)
			return -ENOMEM;
	}
	file->item.xattrs = list;
	file->item.xattr_count = item->xattr_count;
	return 0;
}

/* What of ITEM counts for a file that can wait. */
static int keep_item(struct waiting *file, struct tarx_place *place, const struct tarx_item *item,
		     const char *restored)
{
	const char *name;

	file->item = (struct tarx_item){
		.path = tx_arena_copy(&file->arena, item->path, strlen(item->path)),
		.mode = item->mode,
		.no_owner = item->no_owner,
		.mtime = item->mtime,
		.size = item->size,
		.data = item->data,
	};
	tarx_meta_owner(item, place->wants, place->owners, &file->item.uid, &file->item.gid);
	file->restored = tx_arena_copy(&file->arena, restored, strlen(restored));
	if (!file->item.path || !file->restored)
		return -ENOMEM;
	name = strrchr(file->restored, '/');
	file->name = name ? name + 1 : file->restored;
	return item->xattr_count > 0 ? keep_xattrs(file, item) : 0;
}

/* Bytes that come out of the reader's buffer are taken along. */
static int keep_bytes(struct waiting *file, struct tarx_place *place, const struct tarx_item *item,
		      struct tarx_reader *reader, struct tx_err *err)
{
	char *bytes;

	if (item->size == 0 || tarx_fill_is_direct(&place->mover, item))
		return 0;
	bytes = tx_arena_take(&file->arena, (size_t)item->size);
	file->bytes = bytes;
	return bytes ? tarx_fill_memory(bytes, item, reader, err) : tx_fail(err, ENOMEM, "read");
}

/* The directory entered last, for one user more. NULL: none can be had. */
static struct shared_dir *use_dir(struct tarx_place *place)
{
	struct tarx_behind *behind = place->behind;
	const struct tarx_held *held = &place->parent.held[place->parent.held_count - 1];
	struct shared_dir *dir = behind->dir;

	if (!dir || behind->dir_number != held->number) {
		drop_dir(&behind->dir);
		dir = malloc(sizeof(*dir));
		if (!dir)
			return NULL;
		*dir = (struct shared_dir){ .fd = fcntl(held->fd, F_DUPFD_CLOEXEC, 0), .users = 1 };
		if (dir->fd < 0) {
			free(dir);
			return NULL;
		}
		behind->dir = dir;
		behind->dir_number = held->number;
	}
	dir->users++;
	return dir;
}

/* The job for the file FD, empty. NULL: that is not possible, and errno says why. */
static struct waiting *begin(struct tarx_place *place, int fd, mode_t mode,
			     const struct tarx_reader *reader)
{
	struct waiting *file = align_behind_take(&place->behind->jobs);
	struct shared_dir *dir = file ? use_dir(place) : NULL;

	if (!dir)
		return NULL;
	tx_arena_reset(&file->arena);
	*file = (struct waiting){
		.arena = file->arena,
		.place = place,
		.dir = dir,
		.fd = fd,
		.mode = mode,
		.archive_end = reader->base + reader->size,
		.reflink = place->mover.reflink,
		.block = place->mover.block,
		.round_tail = place->mover.round_tail,
		.wants = place->wants,
	};
	file->last = &file->complaints;
	return file;
}

int tarx_place_fill_behind(struct tarx_place *place, const struct tarx_item *item,
			   const char *restored, int fd, mode_t mode, struct tarx_reader *reader,
			   struct tx_err *err)
{
	struct waiting *file = begin(place, fd, mode, reader);
	int r;

	if (!file || keep_item(file, place, item, restored) < 0)
		r = tx_fail(err, errno, "restore");
	else
		r = keep_bytes(file, place, item, reader, err);
	if (r < 0) {
		if (file)
			drop_dir(&file->dir);
		if (fd >= 0)
			close(fd);
		return r;
	}
	/* Who has to wait for the next one does not let others wait. */
	place->behind->jobs.batch = reader->seekable ? BATCH : 1;
	place->put_off = align_behind_give(&place->behind->jobs);
	if (place->put_off)
		return 0;
	r = conclude(file);
	if (r < 0) {
		*err = file->err;
		remove_unfinished(file);
	}
	let_go(file);
	return r;
}

bool tarx_behind_has_some(const struct tarx_behind *behind)
{
	return align_behind_has_some(&behind->jobs);
}

void tarx_behind_settle(struct tarx_behind *behind)
{
	align_behind_settle(&behind->jobs);
}

bool tarx_behind_has_ended(const struct tarx_behind *behind)
{
	return behind->ended;
}

static void end(void *job)
{
	tx_arena_release(&((struct waiting *)job)->arena);
}

void tarx_behind_free(struct tarx_behind *behind)
{
	if (!behind)
		return;
	align_behind_release(&behind->jobs, end);
	drop_dir(&behind->dir);
	for (size_t i = 0; i < ALIGN_CREW_MOST; i++)
		align_mover_release(&behind->movers[i]);
	free(behind);
}
