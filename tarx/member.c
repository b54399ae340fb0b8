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

void tarx_member_tell(struct tarx_report *report, const struct tarx_item *item)
{
	if (report->opts->absolute_names)
		return;
	if (*item->path == '/' && tarx_say_once(report, TARX_ONCE_SLASH))
		tarx_notice(report, "Removing leading `/' from member names");
	if (item->hardlink && *item->link == '/' && tarx_say_once(report, TARX_ONCE_LINK_SLASH))
		tarx_notice(report, "Removing leading `/' from hard link targets");
}

/* As GNU tar: first the rules, then the leading slash, then the components; only the rules for the target
 * of a symbolic link. Owned; NULL: no memory. */
static char *rename_one(const struct tarx_opts *opts, enum tarx_rename_scope scope, const char *name)
{
	size_t len = strlen(name);
	TX_FREE char *bare = NULL;
	TX_FREE char *changed = NULL;
	const char *rest;

	while (len > 1 && name[len - 1] == '/' && scope != TARX_RENAME_SYMLINK)
		len--;
	bare = strndup(name, len);
	changed = bare ? tarx_rename_apply(&opts->rename, scope, bare) : NULL;
	if (!changed || scope == TARX_RENAME_SYMLINK)
		return tx_ptr_steal(&changed);
	rest = changed;
	if (!opts->absolute_names && opts->strip > 0)
		rest += strspn(rest, "/");
	return strdup(tarx_rename_strip(rest, opts->strip));
}

int tarx_member_rename(struct tarx_report *report, struct tarx_item *item,
		       struct tarx_landing *landing)
{
	const struct tarx_opts *opts = report->opts;
	enum tarx_rename_scope scope = item->hardlink ? TARX_RENAME_HARDLINK : TARX_RENAME_SYMLINK;

	if (opts->rename.count == 0 && opts->strip == 0)
		return 1;
	landing->name = rename_one(opts, TARX_RENAME_MEMBER, item->path);
	if (item->link)
		landing->link = rename_one(opts, scope, item->link);
	if (!landing->name || (item->link && !landing->link))
		return tarx_fatal(report, "out of memory");
	item->path = landing->name;
	if (item->link)
		item->link = landing->link;
	return 1;
}

int tarx_member_land(struct tarx_report *report, struct tarx_item *item,
		     struct tarx_landing *landing)
{
	int r = tarx_member_rename(report, item, landing);

	/* Of a name that the options leave nothing of nothing is restored, as in GNU tar. */
	if (r < 0 || (landing->name && !*landing->name))
		return r < 0 ? r : 0;
	tarx_member_tell(report, item);
	landing->path = report->opts->absolute_names ? tarx_path_named(item->path)
						     : tarx_path_restored(item->path);
	if (!landing->path && errno == ENOMEM)
		return tarx_fatal(report, "out of memory");
	if (!landing->path) {
		tarx_error(report,
			   "%s: not restored: a name with \"..\" could lead out of the target",
			   item->path);
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
