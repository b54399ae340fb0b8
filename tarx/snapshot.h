/* --snapshot: trees are read from read-only snapshots of their btrfs subvolumes. */
#ifndef TARX_SNAPSHOT_H
#define TARX_SNAPSHOT_H

#include "align/walk.h"
#include "tarx/report.h"

#include <stdbool.h>

struct tarx_snapshot;

/* The snapshots of one archive: one of each subvolume. */
struct tarx_snapshots {
	struct tarx_report *report; /* borrowed */
	struct tarx_snapshot **list; /* owned */
	size_t count;
};

/* Takes the snapshot that PATH, looked up in the directory BASE, is to be read from. What is not there,
 * or is neither a file nor a directory, needs none. Returns 0 or -errno. */
int tarx_snapshots_take(struct tarx_snapshots *snapshots, int base, const char *path,
			struct tx_err *err);

/* Whether the subvolume that the walk gives as DEV has a snapshot, and so can be written to itself. */
bool tarx_snapshots_has(const struct tarx_snapshots *snapshots, dev_t dev);

/* Removes them; what cannot be removed is warned of. A signal that ends tarx does it too. */
void tarx_snapshots_release(struct tarx_snapshots *snapshots);

/* Whether NODE is a snapshot that another run made, or left behind. */
bool tarx_snapshot_is_other(const struct align_node *node);

/* A tree as the snapshots have it: for align_walk. Subvolumes in it have snapshots of their own, which
 * are taken when the walk comes to them; what is mounted in it is read as it is. */
struct tarx_snapview {
	struct align_lens lens;
	struct tarx_snapshots *snapshots; /* borrowed */
	int base; /* borrowed */
	const char *root; /* borrowed; in base */
	int live; /* owned: the same as it is outside of the snapshot; -1: no directory */
	char **mounts; /* owned; paths below the root */
	size_t mount_count;
};

/* Begins the view of PATH in BASE; the lens is valid as long as it lies where it is. 0 or -errno. */
int tarx_snapview_open(struct tarx_snapview *view, struct tarx_snapshots *snapshots, int base,
		       const char *path, struct tx_err *err);
void tarx_snapview_release(struct tarx_snapview *view);

#endif
