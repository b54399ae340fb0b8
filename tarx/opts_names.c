/* Options about names: which ones, and how they are changed. */
#include "tarx/match.h"
#include "tarx/opts_table.h"
#include "tarx/text.h"

#include <errno.h>
#include <stdlib.h>

int tarx_take_transform(struct tarx_opts *opts, char *value)
{
	struct tx_err err;

	if (tarx_rename_add(&opts->rename, value, &err) < 0)
		return err.code == ENOMEM ? tarx_opts_no_memory()
					  : tarx_opts_complain("--transform:", value, err.text);
	return 0;
}

int tarx_take_strip(struct tarx_opts *opts, char *value)
{
	int64_t count = tarx_opts_size(value);

	if (count < 0)
		return tarx_opts_complain("--strip-components:", value, "not a number");
	opts->strip = (size_t)count;
	return 0;
}

/* ------------------------------------------------------------------ --exclude */

/* GNU tar's defaults for exclusion: anywhere in a name, with wildcards, that match slashes. */
static unsigned int pattern_flags(unsigned int match)
{
	unsigned int flags = 0;

	if (match & TARX_MATCH_ANCHORED)
		flags |= TARX_PATTERN_ANCHORED;
	if (!(match & TARX_MATCH_NO_WILDCARDS))
		flags |= TARX_PATTERN_WILDCARDS;
	if (match & TARX_MATCH_COMPONENT)
		flags |= TARX_PATTERN_NO_SLASH;
	if (match & TARX_MATCH_ANY_CASE)
		flags |= TARX_PATTERN_NO_CASE;
	return flags;
}

static int exclude(struct tarx_opts *opts, const char *pattern, unsigned int flags)
{
	return tarx_patterns_add(&opts->exclude, pattern, flags) < 0 ? tarx_opts_no_memory() : 0;
}

int tarx_take_exclude(struct tarx_opts *opts, char *value)
{
	return exclude(opts, value, pattern_flags(opts->match));
}

int tarx_take_exclude_from(struct tarx_opts *opts, char *value)
{
	char *at, *end, *line;
	int r = tarx_opts_text(opts, "--exclude-from:", value, &at, &end);

	while (r == 0 && (line = tarx_text_line(&at, end, '\n')) != NULL)
		if (*line)
			r = exclude(opts, line, pattern_flags(opts->match));
	return r;
}

static int exclude_all(struct tarx_opts *opts, const char *const *patterns, unsigned int flags)
{
	int r = 0;

	for (size_t i = 0; r == 0 && patterns[i]; i++)
		r = exclude(opts, patterns[i], flags);
	return r;
}

int tarx_take_exclude_vcs(struct tarx_opts *opts, char *value)
{
	static const char *const names[] = {
		"CVS",          ".cvsignore", "RCS",        "SCCS",
		".svn",         ".git",       ".gitignore", ".gitattributes",
		".gitmodules",  ".arch-ids",  "{arch}",     "=RELEASE-ID",
		"=meta-update", "=update",    ".bzr",       ".bzrignore",
		".bzrtags",     ".hg",        ".hgignore",  ".hgtags",
		"_darcs",       NULL
	};

	(void)value;
	return exclude_all(opts, names, 0);
}

int tarx_take_exclude_backups(struct tarx_opts *opts, char *value)
{
	static const char *const patterns[] = { ".#*", "*~", "#*#", NULL };

	(void)value;
	return exclude_all(opts, patterns, TARX_PATTERN_WILDCARDS);
}

/* ------------------------------------------------------------------ --exclude-tag */

static int add_tag(struct tarx_opts *opts, const char *name, enum tarx_tag_kind kind, bool is_cache)
{
	struct tarx_tag *tags = realloc(opts->tags, (opts->tag_count + 1) * sizeof(*tags));

	if (!tags)
		return tarx_opts_no_memory();
	opts->tags = tags;
	tags[opts->tag_count++] =
		(struct tarx_tag){ .name = name, .kind = kind, .is_cache = is_cache };
	return 0;
}

int tarx_take_exclude_caches(struct tarx_opts *opts, char *value)
{
	(void)value;
	return add_tag(opts, "CACHEDIR.TAG", TARX_TAG_CONTENTS, true);
}

int tarx_take_exclude_caches_under(struct tarx_opts *opts, char *value)
{
	(void)value;
	return add_tag(opts, "CACHEDIR.TAG", TARX_TAG_UNDER, true);
}

int tarx_take_exclude_caches_all(struct tarx_opts *opts, char *value)
{
	(void)value;
	return add_tag(opts, "CACHEDIR.TAG", TARX_TAG_ALL, true);
}

int tarx_take_exclude_tag(struct tarx_opts *opts, char *value)
{
	return add_tag(opts, value, TARX_TAG_CONTENTS, false);
}

int tarx_take_exclude_tag_under(struct tarx_opts *opts, char *value)
{
	return add_tag(opts, value, TARX_TAG_UNDER, false);
}

int tarx_take_exclude_tag_all(struct tarx_opts *opts, char *value)
{
	return add_tag(opts, value, TARX_TAG_ALL, false);
}
