/* Regular files that are filled by threads. Whoever reads the archive makes them, so that names and directories come in
 * the archive's order and the kernel tells what is in the way of what; bytes, attributes and closing follow behind. */
#include "tarx/place_parts.h"

#include "align/behind.h"
#include "align/cleanup.h"
#include "align/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALL_FILE 32768 /* bytes that are taken along, of content, attributes and names */
#define LONG_FILE  (1 << 20) /* bytes; to copy more shows in the bar while it goes on */
#define BATCH      8 /* files for which a thread is woken, where the next ones come at once */

/* An attribute that could not be set. */
struct complaint {
	struct complaint *next;
	enum tarx_meta_loss loss;
	struct tx_err err;
};

/* A file that waits. What it borrows lies in its arena, but for the place. */
struct waiting {
	struct tx_arena arena;
	struct tarx_place *place;
	struct tarx_item item;
	const char *restored;
	const char *bytes; /* of the payload; NULL: they are moved from item.data */
	int fd; /* owned */
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
	struct align_mover movers[ALIGN_AHEAD_THREADS];
	bool ended; /* what was told of one ends the run */
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

static void fill(void *hand, void *job)
{
	struct align_mover *mover = hand;
	struct waiting *file = job;

	mover->reflink = file->reflink;
	mover->block = file->block;
	mover->round_tail = file->round_tail;
	mover->tally = &file->tally;
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

/* By its path, which must still lead to it. */
static void remove_unfinished(struct tarx_place *place, const struct waiting *file)
{
	const char *slash = strrchr(file->restored, '/');
	const char *name = slash ? slash + 1 : file->restored;
	size_t len = slash ? (size_t)(slash - file->restored) + (slash == file->restored) : 0;
	TX_FREE char *path = slash ? strndup(file->restored, len) : strdup(".");
	TX_FD dir = path ? tarx_place_find(place, path, O_PATH | O_DIRECTORY) : -1;
	struct stat st;

	if (dir >= 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == file->st.st_dev && st.st_ino == file->st.st_ino)
		unlinkat(dir, name, 0);
}

static void count(struct align_tally *all, const struct align_tally *one)
{
	all->cloned += one->cloned;
	all->copied += one->copied;
	all->hole += one->hole;
	all->exdev += one->exdev;
	all->notsup += one->notsup;
	all->inval += one->inval;
	all->other += one->other;
}

/* What is to be told is told but for a failure itself; the file stays open after one. 0 or -errno. */
static int conclude(struct waiting *file)
{
	struct tarx_place *place = file->place;

	for (const struct complaint *c = file->complaints; c; c = c->next)
		tarx_place_complain(place, file->item.path, file->fd, c->loss, &c->err);
	if (file->fd >= 0 && file->r == 0) {
		if (close(file->fd) < 0)
			file->r = tx_fail(&file->err, errno, "close");
		file->fd = -1;
	}
	count(place->mover.tally, &file->tally);
	place->refused |= file->refused;
	return file->r;
}

static void hear(void *data, void *job)
{
	struct tarx_behind *behind = data;
	struct waiting *file = job;
	struct tarx_place *place = file->place;
	int r = conclude(file);

	if (r < 0)
		remove_unfinished(place, file);
	tx_fd_release(&file->fd);
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
	for (size_t i = 0; i < ALIGN_AHEAD_THREADS; i++)
		behind->jobs.hands[i] = &behind->movers[i];
	return behind;
}

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

/* The job for the new file FD, empty. NULL: out of memory. */
static struct waiting *begin(struct tarx_place *place, int fd, const struct tarx_reader *reader)
{
	struct waiting *file = align_behind_take(&place->behind->jobs);

	if (!file)
		return NULL;
	tx_arena_reset(&file->arena);
	*file = (struct waiting){
		.arena = file->arena,
		.place = place,
		.fd = fd,
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
			   const char *restored, int fd, struct tarx_reader *reader,
			   struct tx_err *err)
{
	struct waiting *file = begin(place, fd, reader);
	int r;

	if (!file || keep_item(file, place, item, restored) < 0)
		r = tx_fail(err, ENOMEM, "restore");
	else
		r = keep_bytes(file, place, item, reader, err);
	if (r < 0) {
		close(fd);
		return r;
	}
	/* Who has to wait for the next one does not let others wait. */
	place->behind->jobs.batch = reader->seekable ? BATCH : 1;
	place->put_off = align_behind_give(&place->behind->jobs);
	if (place->put_off)
		return 0;
	r = conclude(file);
	tx_fd_release(&file->fd);
	if (r < 0)
		*err = file->err;
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
	for (size_t i = 0; i < ALIGN_AHEAD_THREADS; i++)
		align_mover_release(&behind->movers[i]);
	free(behind);
}
