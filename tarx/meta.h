/* What an inode has besides its bytes: owner, mode, ACLs, extended attributes, times. */
#ifndef TARX_META_H
#define TARX_META_H

#include "align/arena.h"
#include "align/attrs.h"
#include "align/err.h"
#include "tarx/item.h"
#include "tarx/owners.h"
#include "tarx/pattern.h"

#include <stdbool.h>
#include <sys/stat.h>

/* What is read or set of it. */
struct tarx_meta_wants {
	bool xattrs, acls;
	bool fflags; /* file flags and projects */
	bool no_selinux; /* of the attributes not security.selinux */
	bool owner; /* set the owner; else it stays who creates */
	bool numeric; /* numbers, not names */
	bool touch; /* leave the times alone */
	const struct tarx_patterns *include; /* borrowed: the attributes meant; NULL or none: all */
	const struct tarx_patterns *exclude; /* borrowed: those that are not; or NULL */
	mode_t mode_mask; /* bits of a mode that are set: ~umask without -p */
};

/* Reads the extended attributes and ACLs of the inode FD into ITEM, their memory from ARENA. BY_PATH:
 * FD is O_PATH, and its /proc name is used. The system's ACLs are not among the attributes. Returns 0 or -errno; what could be read
 * is there all the same. */
int tarx_meta_load(struct tarx_item *item, int fd, bool by_path,
		   const struct tarx_meta_wants *wants, struct tarx_owners *owners,
		   struct tx_arena *arena, struct tx_err *err);

/* Reads the file flags and the project of the file or directory FD, whose st_dev is DEV, into ITEM,
 * their memory from ARENA. Returns 0 or -errno. */
int tarx_meta_load_flags(struct tarx_item *item, int fd, dev_t dev, struct align_attrs_asker *asker,
			 struct tx_arena *arena, struct tx_err *err);

enum tarx_meta_loss {
	TARX_META_LOST,
	TARX_META_LOST_HINT, /* how bytes are stored, in a way that this file system does not know */
	TARX_META_LOST_PROJECT, /* the file system has no projects */
	TARX_META_LOST_XATTR, /* the file system has no such attributes, */
	TARX_META_LOST_ACL, /* no ACLs, */
	TARX_META_LOST_FLAG, /* not this file flag */
};

/* Called for each thing that could not be set; DATA is the caller's. */
typedef void tarx_meta_complain(void *data, enum tarx_meta_loss loss, const struct tx_err *err);

enum {
	TARX_META_OWNER = 1,
	TARX_META_MODE = 2,
	TARX_META_ACLS = 4,
	TARX_META_XATTRS = 8,
	TARX_META_TIMES = 16,
	TARX_META_ALL = 31, /* all that is set when the bytes are there */
	TARX_META_PROJECT = 32, /* while there are no bytes, as they count for its quota */
	TARX_META_FLAGS = 64, /* file flags and btrfs' compression: for empty files */
	TARX_META_LAST = 128, /* file flags with which nothing can be changed any more */
	TARX_META_EXACT =
		256, /* with TARX_META_XATTRS: attributes and ACLs that ITEM has not are taken
				* away, save overlayfs' own and the system's */
};

struct tarx_meta_target {
	int fd; /* of the inode itself; O_PATH will do where BY_PATH is set */
	bool by_path; /* fd is O_PATH: its /proc name is used */
	bool clear_acls; /* the directory gave it an ACL by inheritance */
	const struct stat
		*now; /* borrowed: what it has; NULL: not known. What is right is not set again */
};

/* Sets PARTS (TARX_META_*) of what ITEM says, in the order project, flags, owner, attributes, mode,
 * ACLs, times, last flags, so that none undoes another or stands in its way. Goes on after a failure; returns how many there were.
 * OWNERS are asked for names only; where ITEM has neither an ACL nor names several threads may call this. */
int tarx_meta_apply(const struct tarx_item *item, const struct tarx_meta_target *target,
		    unsigned int parts, const struct tarx_meta_wants *wants,
		    struct tarx_owners *owners, tarx_meta_complain *complain, void *data);

/* The owner that ITEM means, in this machine's numbers. */
void tarx_meta_owner(const struct tarx_item *item, const struct tarx_meta_wants *wants,
		     struct tarx_owners *owners, uid_t *uid, gid_t *gid);

/* The flags that must be set after all else (TARX_META_LAST) are among ITEM's. */
bool tarx_meta_has_last(const struct tarx_item *item);

/* The attribute by which btrfs keeps how a file is compressed, or NULL. Files inherit it from their
 * directory, and it goes along with the flags. */
const struct tarx_xattr *tarx_meta_compression(const struct tarx_item *item);

/* Whether the attribute NAME is one of those that WANTS means. */
bool tarx_meta_wants_xattr(const struct tarx_meta_wants *wants, const char *name);

/* Whether two ACLs, in the words of an item, mean the same on this machine. */
bool tarx_meta_same_acl(const char *a, const char *b, const struct tarx_meta_wants *wants,
			struct tarx_owners *owners);

/* Whether the attribute NAME is an ACL in another guise, which is not stored or restored as one: the
 * system's own, or how XFS keeps them. */
bool tarx_meta_is_acl(const char *name);

/* Gives the directory FD the mark NAME of overlayfs. 0 or -errno. */
int tarx_meta_mark(int fd, const char *name);

/* Whether the directory FD gives its files an ACL. */
bool tarx_meta_has_default_acl(int fd);

#endif
