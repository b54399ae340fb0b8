#include "tarx/owners.h"

#include "align/cleanup.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ROOM (4u << 20) /* bytes: a group may have very many members */

/* User and group 0: the one pair of name and number that every system has (LSB, "Required Users and Groups"). To ask for
 * it costs as much as sharing three files. */
#define ROOT "root"

struct tarx_owner {
	char *name; /* owned; NULL: the number has no name */
	uint32_t id;
	bool by_name, missing; /* asked for by name; which this machine does not know */
};

static struct tarx_owner *add(struct tarx_owners *owners, enum tarx_owner_kind kind,
			      const struct tarx_owner *one)
{
	if (owners->count[kind] == owners->room[kind]) {
		size_t room = owners->room[kind] ? owners->room[kind] * 2 : 16;
		struct tarx_owner *known = realloc(owners->known[kind], room * sizeof(*known));

		if (!known)
			return NULL;
		owners->known[kind] = known;
		owners->room[kind] = room;
	}
	owners->known[kind][owners->count[kind]] = *one;
	return &owners->known[kind][owners->count[kind]++];
}

/* Into ROOM bytes of BUF. 0, and *NAME is NULL where there is none; or errno. */
static int look_up_in(enum tarx_owner_kind kind, uint32_t id, char *buf, size_t room,
		      const char **name)
{
	struct passwd user, *found_user = NULL;
	struct group group, *found_group = NULL;
	int r;

	if (kind == TARX_USER) {
		r = getpwuid_r(id, &user, buf, room, &found_user);
		*name = found_user ? user.pw_name : NULL;
	} else {
		r = getgrgid_r(id, &group, buf, room, &found_group);
		*name = found_group ? group.gr_name : NULL;
	}
	return r;
}

/* The caller's; NULL: it has none. */
static char *look_up_name(enum tarx_owner_kind kind, uint32_t id)
{
	for (size_t room = 4096; room <= MOST_ROOM; room *= 4) {
		TX_FREE char *buf = malloc(room);
		const char *name = NULL;
		int r = buf ? look_up_in(kind, id, buf, room, &name) : ENOMEM;

		if (r != ERANGE)
			return r == 0 && name ? strdup(name) : NULL;
	}
	return NULL;
}

static bool look_up_id(enum tarx_owner_kind kind, const char *name, uint32_t *id)
{
	const struct passwd *user;
	const struct group *group;

	if (kind == TARX_USER) {
		user = getpwnam(name);
		if (user)
			*id = user->pw_uid;
		return user;
	}
	group = getgrnam(name);
	if (group)
		*id = group->gr_gid;
	return group;
}

const char *tarx_owners_name(struct tarx_owners *owners, enum tarx_owner_kind kind, uint32_t id)
{
	struct tarx_owner one = { .id = id };

	if (id == 0)
		return ROOT;
	for (size_t i = 0; i < owners->count[kind]; i++)
		if (!owners->known[kind][i].by_name && owners->known[kind][i].id == id)
			return owners->known[kind][i].name;
	one.name = look_up_name(kind, id);
	if (!add(owners, kind, &one)) {
		free(one.name);
		return NULL;
	}
	return one.name;
}

uint32_t tarx_owners_id(struct tarx_owners *owners, enum tarx_owner_kind kind, const char *name,
			uint32_t fallback)
{
	struct tarx_owner one = { .by_name = true };

	if (!name || !*name)
		return fallback;
	if (fallback == 0 && !strcmp(name, ROOT))
		return 0;
	for (size_t i = 0; i < owners->count[kind]; i++) {
		const struct tarx_owner *known = &owners->known[kind][i];

		if (known->by_name && !strcmp(known->name, name))
			return known->missing ? fallback : known->id;
	}
	one.missing = !look_up_id(kind, name, &one.id);
	one.name = strdup(name);
	if (one.name && !add(owners, kind, &one))
		free(one.name);
	return one.missing ? fallback : one.id;
}

void tarx_owners_release(struct tarx_owners *owners)
{
	for (int kind = 0; kind < 2; kind++) {
		for (size_t i = 0; i < owners->count[kind]; i++)
			free(owners->known[kind][i].name);
		free(owners->known[kind]);
	}
	*owners = (struct tarx_owners){ 0 };
}
