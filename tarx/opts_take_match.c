/* How names behind an option are matched, up to the next such option. */
#include "tarx/match.h"
#include "tarx/opts_table.h"

static int change(struct tarx_opts *opts, unsigned int off, unsigned int on)
{
	opts->match = (opts->match & ~off) | on;
	return 0;
}

int tarx_take_wildcards(struct tarx_opts *opts, char *value)
{
	(void)value;
	return change(opts, TARX_MATCH_NO_WILDCARDS, TARX_MATCH_WILDCARDS);
}

int tarx_take_no_wildcards(struct tarx_opts *opts, char *value)
{
	(void)value;
	return change(opts, TARX_MATCH_WILDCARDS, TARX_MATCH_NO_WILDCARDS);
}

int tarx_take_anchored(struct tarx_opts *opts, char *value)
{
	(void)value;
	return change(opts, TARX_MATCH_ANYWHERE, TARX_MATCH_ANCHORED);
}

int tarx_take_no_anchored(struct tarx_opts *opts, char *value)
{
	(void)value;
	return change(opts, TARX_MATCH_ANCHORED, TARX_MATCH_ANYWHERE);
}

int tarx_take_ignore_case(struct tarx_opts *opts, char *value)
{
	(void)value;
	return change(opts, 0, TARX_MATCH_ANY_CASE);
}

int tarx_take_no_ignore_case(struct tarx_opts *opts, char *value)
{
	(void)value;
	return change(opts, TARX_MATCH_ANY_CASE, 0);
}

int tarx_take_match_slash(struct tarx_opts *opts, char *value)
{
	(void)value;
	return change(opts, TARX_MATCH_COMPONENT, 0);
}

int tarx_take_no_match_slash(struct tarx_opts *opts, char *value)
{
	(void)value;
	return change(opts, 0, TARX_MATCH_COMPONENT);
}

int tarx_take_recursion(struct tarx_opts *opts, char *value)
{
	(void)value;
	return change(opts, TARX_MATCH_ALONE, 0);
}

int tarx_take_no_recursion(struct tarx_opts *opts, char *value)
{
	(void)value;
	return change(opts, 0, TARX_MATCH_ALONE);
}

/* ------------------------------------------------------------------ extended attributes */

static int add_pattern(struct tarx_opts *opts, struct tarx_patterns *patterns, const char *text)
{
	const unsigned int flags = TARX_PATTERN_ANCHORED | TARX_PATTERN_WILDCARDS |
				   TARX_PATTERN_ALONE;

	opts->xattrs = true;
	return tarx_patterns_add(patterns, text, flags) < 0 ? tarx_opts_no_memory() : 0;
}

int tarx_take_xattrs_include(struct tarx_opts *opts, char *value)
{
	return add_pattern(opts, &opts->xattrs_include, value);
}

int tarx_take_xattrs_exclude(struct tarx_opts *opts, char *value)
{
	return add_pattern(opts, &opts->xattrs_exclude, value);
}
