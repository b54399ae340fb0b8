/* Names of users and groups and their numbers, asked for once. */
#ifndef TARX_OWNERS_H
#define TARX_OWNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tarx_owner;

struct tarx_owners {
	struct tarx_owner *known[2]; /* owned; users, groups */
	size_t count[2], room[2];
};

enum tarx_owner_kind { TARX_USER, TARX_GROUP };

/* The name of a number, or NULL where it has none. Valid until the release. 0 is root's, and nobody is asked. */
const char *tarx_owners_name(struct tarx_owners *owners, enum tarx_owner_kind kind, uint32_t id);

/* The number of NAME; FALLBACK, which stood beside it, where this machine does not know the name. Root of number 0 is 0, and
 * nobody is asked. */
uint32_t tarx_owners_id(struct tarx_owners *owners, enum tarx_owner_kind kind, const char *name,
			uint32_t fallback);

void tarx_owners_release(struct tarx_owners *owners);

#endif
