#include "tarx/member.h"

#include "align/cleanup.h"
#include "tarx/path.h"
#include "tarx/rename.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ the top level */

/* Cuts SUFFIX off NAME, which is longer. */
static bool cut(char *name, const char *suffix)
{
	size_t len = strlen(name), n = strlen(suffix);

	if (len <= n || strcmp(name + len - n, suffix) != 0)
		return false;
	name[len - n] = '\0';
	return true;
}

char *tarx_member_top(const struct tarx_opts *opts)
{
	static const char *const whole[] = { ".tgz", ".taz", ".taZ", ".tbz",  ".tbz2",
					     ".tz2", ".tlz", ".txz", ".tzst", ".tar" };
	static const char *const outer[] = { ".gz",  ".Z",  ".bz2", ".lz", ".lzma",
					     ".lzo", ".xz", ".zst", ".lz4" };
	const char *slash = strrchr(opts->archive, '/');
	char *name;

	if (opts->top_level)
		return strdup(opts->top_level);
	name = strdup(slash ? slash + 1 : opts->archive);
	for (size_t i = 0; name && i < sizeof(whole) / sizeof(*whole); i++)
		if (cut(name, whole[i]))
			return name;
	for (size_t i = 0; name && i < sizeof(outer) / sizeof(*outer); i++) {
		if (cut(name, outer[i])) {
			cut(name, ".tar");
			return name;
		}
	}
	free(name);
	return NULL;
}

/* What lies beneath the top level already stays where it is. */
static void take_top_off(char *path, const char *top)
{
	size_t len = strlen(top);

	if (!strncmp(path, top, len) && (path[len] == '/' || !path[len]))
		memmove(path, path + len + (path[len] == '/'), strlen(path + len) + !path[len]);
}

/* ------------------------------------------------------------------ any member */

/* Says once that a slash is taken off in front, and returns what is left. */
static const char *without_slash(struct tarx_report *report, const char *name, bool hardlink)
{
	const char *rest = name + strspn(name, "/");

	if (report->opts->absolute_names || rest == name)
		return name;
	if (hardlink && tarx_say_once(report, TARX_ONCE_LINK_SLASH))
		tarx_notice(report, "Removing leading `/' from hard link targets");
	if (!hardlink && tarx_say_once(report, TARX_ONCE_SLASH))
		tarx_notice(report, "Removing leading `/' from member names");
	return rest;
}

/* As GNU tar: first the rules, then the leading slash, then the components; only the rules for the target
 * of a symbolic link. Owned; NULL: no memory. */
static char *rename_one(struct tarx_report *report, enum tarx_rename_scope scope, const char *name)
{
	const struct tarx_opts *opts = report->opts;
	bool hardlink = scope == TARX_RENAME_HARDLINK;
	TX_FREE char *bare = NULL;
	TX_FREE char *changed = NULL;
	size_t len = strlen(name);
	const char *rest;

	while (len > 1 && name[len - 1] == '/' && scope != TARX_RENAME_SYMLINK)
		len--;
	bare = strndup(name, len);
	changed = bare ? tarx_rename_apply(&opts->rename, scope, bare) : NULL;
	if (!changed || scope == TARX_RENAME_SYMLINK)
		return tx_ptr_steal(&changed);
	rest = without_slash(report, changed, hardlink);
	if (!*rest && tarx_say_once(report, TARX_ONCE_EMPTY))
		tarx_notice(report, "Substituting `.' for empty member name");
	return strdup(tarx_rename_strip(*rest ? rest : ".", opts->strip));
}

int tarx_member_rename(struct tarx_report *report, struct tarx_item *item,
		       struct tarx_landing *landing)
{
	const struct tarx_opts *opts = report->opts;
	enum tarx_rename_scope scope = item->hardlink ? TARX_RENAME_HARDLINK : TARX_RENAME_SYMLINK;

	if (opts->rename.count == 0 && opts->strip == 0) {
		without_slash(report, item->path, false);
		if (item->hardlink)
			without_slash(report, item->link, true);
		return 1;
	}
	landing->name = rename_one(report, TARX_RENAME_MEMBER, item->path);
	if (item->link)
		landing->link = rename_one(report, scope, item->link);
	if (!landing->name || (item->link && !landing->link))
		return tarx_fatal(report, "out of memory");
	item->path = landing->name;
	if (item->link)
		item->link = landing->link;
	return 1;
}

static char *path_of(const struct tarx_opts *opts, const char *name)
{
	return opts->absolute_names ? tarx_path_named(name) : tarx_path_restored(name);
}

int tarx_member_land(struct tarx_report *report, struct tarx_item *item,
		     struct tarx_landing *landing)
{
	const char *stored = item->path;
	TX_FREE char *as_stored = path_of(report->opts, stored);
	int r = as_stored ? tarx_member_rename(report, item, landing) : 0;

	/* Of a name that the options leave nothing of nothing is restored, as in GNU tar. */
	if (r < 0 || (landing->name && !*landing->name))
		return r < 0 ? r : 0;
	if (as_stored)
		landing->path = path_of(report->opts, item->path);
	if (!landing->path && errno == ENOMEM)
		return tarx_fatal(report, "out of memory");
	if (!landing->path) {
		tarx_error(report,
			   "%s: not restored: a name with \"..\" could lead out of the target",
			   as_stored ? item->path : stored);
		return 0;
	}
	if (landing->top)
		take_top_off(landing->path, landing->top);
	return 1;
}

void tarx_member_release(struct tarx_landing *landing)
{
	free(landing->path);
	free(landing->name);
	free(landing->link);
	landing->path = landing->name = landing->link = NULL;
}
