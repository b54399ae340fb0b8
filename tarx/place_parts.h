/* What the files that make up tarx/place.h share among themselves. */
#ifndef TARX_PLACE_PARTS_H
#define TARX_PLACE_PARTS_H

#include "align/newfile.h"
#include "tarx/place.h"

/* Opens PATH of the target with FLAGS of open(2); symbolic links on the way are followed beneath the
 * target, or anywhere where members may lie anywhere, but then none that this archive brought. The
 * descriptor or -errno (EXDEV: not followed). */
int tarx_place_find(const struct tarx_place *place, const char *path, int flags);

/* The symbolic link FD was made from the archive. 0 or -errno. */
int tarx_place_note_symlink(struct tarx_place *place, int fd);

/* What is placed next lies in the directory PATH, LEN bytes of it, which is made where it is missing. 0 or
 * -errno. */
int tarx_place_enter(struct tarx_place *place, const char *path, size_t len, struct tx_err *err);

/* The directory PATH, which lies in the one entered last, is FD (taken over), and has ST; members in it may
 * follow. IS_NEW: it was just made. */
void tarx_place_hold(struct tarx_place *place, const char *path, int fd, const struct stat *st,
		     bool is_new);

/* Closes what is held. */
void tarx_place_let_go(struct tarx_place *place);

enum tarx_old_fate { TARX_OLD_GIVES_WAY, TARX_OLD_STAYS, TARX_OLD_IS_WRITTEN };

/* What the options say of what has the name NAME in the parent (PATH from the target on): enum
 * tarx_old_fate, or -errno. */
int tarx_place_meet_old(struct tarx_place *place, const struct tarx_item *item, const char *path,
			const char *name, const struct tarx_reader *reader, struct tx_err *err);

/* Where something new is made: under its own name, or where that is taken under another one until
 * it is complete, so that what is there is lost only when what replaces it is whole. */
struct tarx_spot {
	const char *name; /* borrowed; in the parent */
	char temp[TX_TEMP_ROOM]; /* empty: not needed */
};

/* The name to make it under. */
const char *tarx_spot_name(const struct tarx_spot *spot);

/* After EEXIST: the name once more, if what has it may have been a file that was not complete yet, or else the other
 * name. Returns false when that was taken already, or the run has ended meanwhile. */
bool tarx_spot_step_aside(struct tarx_place *place, struct tarx_spot *spot);

/* The end of every kind, R being how its making went: what is complete takes the place of what was there, a directory
 * only if that is empty; what is not goes, and what was there stays. 0 or -errno. */
int tarx_spot_end(struct tarx_place *place, struct tarx_spot *spot, int r, struct tx_err *err);

/* Until its own mode is set, what is made belongs to us alone: devices, FIFOs, and files that more than a mode
 * protects. */
#define TARX_MADE_AT_FIRST 0600

/* How a regular file is opened that is made. */
#define TARX_NEW_FILE (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)

/* Sets PARTS (TARX_META_*) of the item's attributes on INODE; what cannot be set is warned of. */
void tarx_place_apply(struct tarx_place *place, const struct tarx_item *item,
		      const struct tarx_meta_target *inode, unsigned int parts);

/* Each makes one kind of inode, called NAME in the parent, PATH from the target. 0 or -errno; then
 * nothing is left. */
int tarx_place_file(struct tarx_place *place, const struct tarx_item *item, const char *path,
		    const char *name, struct tarx_reader *reader, struct tx_err *err);
/* The same over the regular file that is there, in place; -errno may leave it half written. */
int tarx_place_over_file(struct tarx_place *place, const struct tarx_item *item, const char *path,
			 const char *name, struct tarx_reader *reader, struct tx_err *err);
int tarx_place_hardlink(struct tarx_place *place, const struct tarx_item *item, const char *name,
			struct tx_err *err);
int tarx_place_special(struct tarx_place *place, const struct tarx_item *item, const char *name,
		       struct tx_err *err);
int tarx_place_directory(struct tarx_place *place, const struct tarx_item *item, const char *path,
			 const char *name, struct tx_err *err);

/* What place_fill.c adds: the bytes of ITEM into the new file FD. 0 or -errno. */
int tarx_place_fill(struct tarx_place *place, const struct tarx_item *item,
		    struct tarx_reader *reader, int fd, struct tx_err *err);

/* The same out of the archive's file, which ends at byte ARCHIVE_END. *REFUSED becomes true where that is why. */
int tarx_fill_from_file(struct align_mover *mover, const struct tarx_item *item, off_t archive_end,
			int fd, bool *refused, struct tx_err *err);

/* The same into memory, of which there are item->size bytes. */
int tarx_fill_memory(char *to, const struct tarx_item *item, struct tarx_reader *reader,
		     struct tx_err *err);

/* Whether the payload can be shared; and whether it lies in the file and is worth more than its bytes from the
 * reader's buffer, as it can be shared or is long. */
bool tarx_fill_shares(const struct align_mover *mover, const struct tarx_item *item);
bool tarx_fill_is_direct(const struct align_mover *mover, const struct tarx_item *item);

/* What place_behind.c adds: files that are filled by threads, behind whoever makes them. */

/* Whether the regular file ITEM may be filled later: nothing else depends on it, and little is to be kept of it. */
bool tarx_place_can_wait(const struct tarx_place *place, const struct tarx_item *item,
			 const char *restored);

/* Gives the file ITEM, whose path is RESTORED, its bytes and attributes, or puts that off (place->put_off): then what
 * became of it is told later, and nothing is left of it where it failed. FD is the new file (taken over); -1: it is made
 * with MODE as well, and nothing has its name (place->fresh). 0 or -errno; whoever made FD takes its name away. */
int tarx_place_fill_behind(struct tarx_place *place, const struct tarx_item *item,
			   const char *restored, int fd, mode_t mode, struct tarx_reader *reader,
			   struct tx_err *err);

/* A directory that is opened: a number for it. */
uint64_t tarx_behind_number(struct tarx_behind *behind);

/* What a directory that was just made has as its epoch; and the names in all of those are not known any more. */
uint64_t tarx_behind_epoch(const struct tarx_behind *behind);
void tarx_behind_forget(struct tarx_behind *behind);

/* An item is going to be NAME in the directory entered last. Returns whether that is fresh (place->fresh); where it is
 * a file's that is put off, that is settled. */
bool tarx_place_take_name(struct tarx_place *place, const char *name);

/* Whether something is put off. */
bool tarx_behind_has_some(const struct tarx_behind *behind);

/* The attribute ERR tells of could not be set on the inode FD, whose path is PATH: says so. */
void tarx_place_complain(struct tarx_place *place, const char *path, int fd,
			 enum tarx_meta_loss loss, const struct tx_err *err);

/* Whether after this errno nothing else can be restored either. A read-only subvolume or mount below
 * the target is not the end. */
bool tarx_place_is_fatal(const struct tarx_place *place, int errnum);

/* The end of ITEM, R being how it went: what later members ask for is remembered. 0 or -errno. */
int tarx_place_end_item(struct tarx_place *place, const struct tarx_item *item,
			const char *restored, int r, struct tx_err *err);

/* Begins the error R (-errno) of doing WHAT to NAME in the directory DIR. Where a file flag is in the
 * way it is named. Returns R. */
int tarx_place_refused(int dir, const char *name, int r, const char *what, struct tx_err *err);

/* What FD needs yet is remembered for tarx_place_finish(): of a directory, which has ST, PARTS (TARX_META_*; PROTECT:
 * it is a subvolume that becomes read-only), of a file its last flags. 0 or -errno. */
int tarx_place_remember_directory(struct tarx_place *place, const struct tarx_item *item,
				  const char *path, int fd, const struct stat *st,
				  unsigned int parts, bool protect, struct tx_err *err);
int tarx_place_remember_file(struct tarx_place *place, const struct tarx_item *item,
			     const char *path, int fd, struct tx_err *err);

/* Remembers, or forgets, that the member of that path could not be restored. */
void tarx_place_keep_failure(struct tarx_place *place, const char *restored, bool failed);

/* The item, which is to be NAME of the parent, without the attributes that are not trusted; KEEP (owned by
 * the caller) holds the rest. 0 or -errno. */
int tarx_place_trust(struct tarx_place *place, struct tarx_item *item, const char *name,
		     struct tarx_xattr **keep);

/* Whether the last member of that path could not be restored. */
bool tarx_place_has_failed(const struct tarx_place *place, const char *restored);

/* What place_removal.c adds. */

/* Decides on the removals by the options, the target being open. 0 or -errno. */
int tarx_place_open_removals(struct tarx_place *place, struct tx_err *err);

/* Notes the removal that ITEM stands for. 1; 0: it stands for none; or -errno. */
int tarx_place_take_removal(struct tarx_place *place, const struct tarx_item *item,
			    const char *restored, struct tarx_reader *reader, struct tx_err *err);

/* ITEM was restored. 0 or -ENOMEM. */
int tarx_place_note_restored(struct tarx_place *place, const struct tarx_item *item,
			     const char *restored);

/* Whether a directory with something in it gives way to NAME of the parent: in a diff it does, unless
 * it was restored by this archive. */
bool tarx_place_gives_way(const struct tarx_place *place, const char *name);

/* Opens the directory PATH beneath the target; what is missing of it is made. The descriptor or -errno. */
int tarx_place_open_dir(const struct tarx_place *place, const char *path);

/* Whether X says that the directory ITEM is opaque. */
bool tarx_place_is_opaque_mark(const struct tarx_item *item, const struct tarx_xattr *x);

void tarx_place_release_removals(struct tarx_place *place);

/* This run has just removed what was below PATH, and PATH too unless it was only what was BELOW: what was remembered of
 * that does not count any more, as new inodes may get the numbers of the old ones. 0 or -ENOMEM. */
int tarx_place_forget_later(struct tarx_place *place, const char *path, bool below);

/* Gives back what was remembered. */
void tarx_place_release_later(struct tarx_place *place);

#endif
