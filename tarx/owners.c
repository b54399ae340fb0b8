#include "tarx/owners.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

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

static const char *look_up_name(enum tarx_owner_kind kind, uint32_t id)
{
	const struct passwd *user;
	const struct group *group;

	if (kind == TARX_USER) {
		user = getpwuid(id);
		return user ? user->pw_name : NULL;
	}
	group = getgrgid(id);
	return group ? group->gr_name : NULL;
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
	const char *name;

	for (size_t i = 0; i < owners->count[kind]; i++)
		if (!owners->known[kind][i].by_name && owners->known[kind][i].id == id)
			return owners->known[kind][i].name;
	name = look_up_name(kind, id);
	one.name = name ? strdup(name) : NULL;
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
