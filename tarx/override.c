#include "tarx/override.h"

#include "tarx/chmod.h"
#include "tarx/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tarx_mapped {
	uint32_t from;
	struct tarx_becomes to;
};

/* ------------------------------------------------------------------ reading */

static int read_id(const char *text, uint32_t *id)
{
	unsigned long long n;
	char *end;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (*end || errno || n >= UINT32_MAX)
		return -1;
	*id = (uint32_t)n;
	return 0;
}

/* Whether this system has NAME, and its number. */
static bool look_up(enum tarx_owner_kind kind, const char *name, uint32_t *id)
{
	struct tarx_owners owners = { 0 };

	*id = tarx_owners_id(&owners, kind, name, UINT32_MAX);
	tarx_owners_release(&owners);
	return *id != UINT32_MAX;
}

int tarx_becomes_parse(struct tarx_becomes *becomes, enum tarx_owner_kind kind, char *text)
{
	char *colon = strchr(text, ':');

	*becomes = (struct tarx_becomes){ 0 };
	if (colon)
		*colon = '\0';
	if (colon || (*text >= '0' && *text <= '9')) {
		becomes->has_id = true;
		becomes->name = colon && *text ? text : NULL;
		return read_id(colon ? colon + 1 : text, &becomes->id);
	}
	becomes->name = text;
	becomes->has_id = *text && look_up(kind, text, &becomes->id);
	return 0;
}

/* The two words of a line, and nothing else. */
static int read_words(char *line, char *words[2])
{
	static const char blank[] = " \t\r";

	for (int i = 0; i < 2; i++) {
		line += strspn(line, blank);
		if (!*line)
			return -1;
		words[i] = line;
		line += strcspn(line, blank);
		if (*line)
			*line++ = '\0';
	}
	line += strspn(line, blank);
	return *line ? -1 : 0;
}

static int read_mapped(struct tarx_mapped *mapped, enum tarx_owner_kind kind, char *line,
		       struct tx_err *err)
{
	char *words[2];
	int r;

	if (read_words(line, words) < 0)
		return tx_reject(err, EINVAL, "not two words");
	if (words[0][0] == '+' ? read_id(words[0] + 1, &mapped->from) < 0
			       : !look_up(kind, words[0], &mapped->from))
		return tx_reject(err, EINVAL, "%s: this system has no such %s", words[0],
				 kind == TARX_USER ? "user" : "group");
	r = tarx_becomes_parse(&mapped->to, kind, words[1] + (words[1][0] == '+'));
	if (r < 0 || !mapped->to.has_id)
		return tx_reject(err, EINVAL, "%s: no number is known for it", words[1]);
	return 0;
}

static struct tarx_mapped *add_mapped(struct tarx_owner_map *map)
{
	struct tarx_mapped *list = realloc(map->list, (map->count + 1) * sizeof(*list));

	if (!list)
		return NULL;
	map->list = list;
	list[map->count] = (struct tarx_mapped){ 0 };
	return &list[map->count++];
}

int tarx_owner_map_read(struct tarx_owner_map *map, enum tarx_owner_kind kind, const char *file,
			struct tx_err *err)
{
	unsigned int number = 0;
	char *at, *line;
	size_t len;

	free(map->text);
	map->count = 0;
	at = map->text = tarx_text_read(file, &len, err);
	if (!at)
		return -err->code;
	while ((line = tarx_text_line(&at, map->text + len, '\n')) != NULL) {
		struct tarx_mapped *mapped;

		number++;
		line += strspn(line, " \t\r");
		if (!*line || *line == '#')
			continue;
		mapped = add_mapped(map);
		if (!mapped)
			return tx_fail(err, ENOMEM, "read %s", file);
		if (read_mapped(mapped, kind, line, err) < 0)
			return tx_wrap(err, "%s:%u", file, number);
	}
	return 0;
}

/* ------------------------------------------------------------------ applying */

/* Who the number ID becomes. */
static const struct tarx_becomes *find(const struct tarx_override *override,
				       enum tarx_owner_kind kind, uint32_t id)
{
	const struct tarx_owner_map *map = &override->maps[kind];

	for (size_t i = 0; i < map->count; i++)
		if (map->list[i].from == id)
			return &map->list[i].to;
	return &override->becomes[kind];
}

static void change_owner(const struct tarx_override *override, enum tarx_owner_kind kind,
			 struct tarx_owners *owners, uint32_t *id, const char **name)
{
	const struct tarx_becomes *becomes = find(override, kind, *id);

	if (becomes->has_id)
		*id = becomes->id;
	if (!owners)
		*name = NULL;
	else if (becomes->name)
		*name = becomes->name;
	else
		*name = tarx_owners_name(owners, kind, *id);
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

void tarx_override_apply(const struct tarx_override *override, struct tarx_owners *owners,
			 struct tarx_item *item)
{
	change_owner(override, TARX_USER, owners, &item->uid, &item->uname);
	change_owner(override, TARX_GROUP, owners, &item->gid, &item->gname);
	if (override->mode)
		tarx_chmod(override->mode, override->umask, &item->mode);
	if (override->has_mtime && (!override->clamp || is_later(&item->mtime, &override->mtime)))
		item->mtime = override->mtime;
}

void tarx_override_release(struct tarx_override *override)
{
	for (int kind = 0; kind < 2; kind++) {
		free(override->maps[kind].list);
		free(override->maps[kind].text);
	}
	*override = (struct tarx_override){ 0 };
}
