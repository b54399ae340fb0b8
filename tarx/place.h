/* An item as an inode again, never outside the target: every path is opened beneath it with
 * openat2(2), every last component is a name in a directory that is held open. */
#ifndef TARX_PLACE_H
#define TARX_PLACE_H

#include "align/err.h"
#include "align/span.h"
#include "align/volume.h"
#include "tarx/item.h"
#include "tarx/live.h"
#include "tarx/meta.h"
#include "tarx/owners.h"
#include "tarx/placed.h"
#include "tarx/reader.h"
#include "tarx/report.h"

#include <stdbool.h>

struct tarx_behind;
struct tarx_gone;
struct tarx_later;
struct tarx_made;

/* A directory that is open: the target, or the beginning of tarx_parent.path up to LEN. */
struct tarx_held {
	int fd; /* owned */
	size_t len;
	dev_t dev;
	bool acls; /* it hands an ACL down */
	uint64_t number; /* no other one has it */
	uint64_t epoch; /* of the names that are known, since when all of its are; 0: they are not */
};

#define TARX_HELD_MOST 24

/* The directory that members were put into last, and those above it. */
struct tarx_parent {
	char *path; /* owned; beneath the target */
	int fd; /* borrowed from the last of those that are held; -1: none */
	struct tarx_held held[TARX_HELD_MOST]; /* from above downwards */
	size_t held_count;
	bool stale; /* a symbolic link or a directory was replaced: names may lead somewhere else */
	bool acls; /* it hands an ACL down */
	struct align_volume volume;
};

/* What becomes of the removals in an archive. */
enum tarx_removals {
	TARX_REMOVALS_AS_THEY_ARE, /* devices are devices, names are names */
	TARX_REMOVALS_MARK, /* the target is a layer: as overlayfs would say it */
	TARX_REMOVALS_APPLY, /* what is removed goes */
	TARX_REMOVALS_DROP,
};

/* A path that an archive removes, or a directory that it makes opaque. */
struct tarx_noted {
	char *path; /* owned; beneath the target */
	bool user; /* the archive has the mark in user.overlay.*; else it does not say */
};

struct tarx_noted_list {
	struct tarx_noted *list; /* owned */
	size_t count, room;
};

/* The removals so far. They are carried out when the archive was read to its end, so that their place in
 * it does not matter, and nothing goes for an archive that is not whole. */
struct tarx_removing {
	enum tarx_removals how;
	bool overlay, oci, podman; /* the spellings that are understood */
	struct tarx_placed placed; /* owned */
	struct tarx_placed devices; /* owned; paths that a device 0:0 removes */
	struct tarx_noted_list gone, opaque;
};

struct tarx_place {
	int root; /* owned: the target */
	dev_t root_dev;
	struct tarx_report *report; /* borrowed */
	const struct tarx_part *part; /* borrowed: what is said of removals */
	const struct tarx_meta_wants *wants; /* borrowed */
	struct tarx_owners *owners; /* borrowed */
	struct align_mover mover; /* owned */
	struct tarx_parent parent;
	struct tarx_live live;
	struct tarx_removing removing;
	struct tarx_behind *behind; /* borrowed: files that threads fill, of all targets of a run */
	bool fresh; /* nothing has the name of the item in hand: it lies in a directory of ours */
	bool put_off; /* the last item is such a file, and not complete yet */
	struct tarx_later *later; /* owned: what must wait for tarx_place_finish() */
	size_t later_count, later_room;
	struct tarx_gone *gone; /* owned: what was removed meanwhile */
	size_t gone_count, gone_room;
	struct tarx_placed failures; /* owned: paths that were not restored */
	bool anywhere; /* --absolute-names: members may lie outside of the target */
	struct tarx_made *made; /* owned: symbolic links made while members may lie anywhere */
	size_t made_count;
	bool stayed; /* what was there instead of the last item */
	bool refused; /* under ALIGN_REFLINK_ALWAYS something could not be shared */
	bool privileged; /* EPERM is a finding, not our lot */
	bool told_privilege,
		namespaced; /* whether it was asked, and is only so in a user namespace */
};

/* For files that threads fill, of all targets of a run: they may be one directory. NULL: out of memory. */
struct tarx_behind *tarx_behind_new(const struct tarx_opts *opts);

/* Returns when all that was put off is done, and was told. To be called before a reader that gave members is released, and
 * before removals are carried out. */
void tarx_behind_settle(struct tarx_behind *behind);

/* Whether what was told of one ends the run. */
bool tarx_behind_has_ended(const struct tarx_behind *behind);

/* Settles. The places are still needed for that. */
void tarx_behind_free(struct tarx_behind *behind);

/* Opens the target DIR. Returns 0 or -errno. */
int tarx_place_open(struct tarx_place *place, const char *dir, enum align_reflink reflink,
		    struct tx_err *err);

/* From now on the target is its directory TOP, which is made where it is missing. 0 or -errno. */
int tarx_place_enter_top(struct tarx_place *place, const char *top, struct tx_err *err);

/* Makes the inode of ITEM with its payload and attributes; a directory's mode, owner, ACLs and
 * times wait for tarx_place_finish(). RESTORED is its path as of tarx_path_restored(). What is in
 * the way is replaced, but a directory only by a directory unless it is empty. Attributes that
 * cannot be set are warned of here.
 * Returns 0; where an option says that what is there stays, place->stayed is set. 1: it stands for a removal,
 * which is noted. Or -errno, and then nothing of the item is left, but for a file that --overwrite was
 * writing. A regular file may be completed later, by a thread: should it fail then, that is told as
 * tarx_place_tell() does, and it does not count as a member any more. */
int tarx_place_item(struct tarx_place *place, const struct tarx_item *item, const char *restored,
		    struct tarx_reader *reader, struct tx_err *err);

/* Notes the removals that ITEM lists, a regular file in podman's form that stands beside the archive in
 * hand. 1 or -errno. */
int tarx_place_take_list(struct tarx_place *place, const struct tarx_item *item,
			 struct tarx_reader *reader, struct tx_err *err);

/* Says that ITEM could not be restored. 0, or -1 where nothing else can be restored either. */
int tarx_place_tell(struct tarx_place *place, const struct tarx_item *item,
		    const struct tx_err *err);

/* Carries out the removals. Tells what cannot be removed. */
void tarx_place_remove(struct tarx_place *place);

/* Directories' attributes and files' last flags, the deepest first. */
void tarx_place_finish(struct tarx_place *place);

/* All of the target's file system is on disk. Returns 0 or -errno. */
int tarx_place_sync(struct tarx_place *place, struct tx_err *err);

void tarx_place_release(struct tarx_place *place);

#endif
