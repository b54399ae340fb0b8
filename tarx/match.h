/* Names of members against names and patterns of a person, as GNU tar matches them. Pure. */
#ifndef TARX_MATCH_H
#define TARX_MATCH_H

#include <stdbool.h>

/* How a pattern is meant; none of them: the name itself and all beneath it, from the start. */
enum tarx_match {
	TARX_MATCH_WILDCARDS = 1, /* it is a pattern of fnmatch(3) */
	TARX_MATCH_NO_WILDCARDS = 2, /* it is none, and that was said */
	TARX_MATCH_ANYWHERE = 4, /* it may begin behind any slash */
	TARX_MATCH_ANY_CASE = 8,
	TARX_MATCH_COMPONENT = 16, /* wildcards do not match a slash */
	TARX_MATCH_ALONE = 32, /* not what is beneath it */
	TARX_MATCH_ANCHORED = 64, /* not ANYWHERE, and that was said */
};

/* Whether NAME, without slashes at its end, is or lies beneath what PATTERN says. MODE: bits of enum
 * tarx_match. */
bool tarx_match(const char *pattern, const char *name, unsigned int mode);

/* Whether fnmatch(3) would take a character of PATTERN for more than itself. */
bool tarx_match_is_pattern(const char *pattern);

/* Undoes, in place, the escapes that lists are written with: "\n", "\\", "\033". */
void tarx_match_unquote(char *text);

#endif
