#include "tarx/match.h"

#include "tarx/pattern.h"

#include <string.h>

bool tarx_match(const char *pattern, const char *name, unsigned int mode)
{
	unsigned int flags = 0;

	if (mode & TARX_MATCH_WILDCARDS)
		flags |= TARX_PATTERN_WILDCARDS;
	if (!(mode & TARX_MATCH_ANYWHERE))
		flags |= TARX_PATTERN_ANCHORED;
	if (mode & TARX_MATCH_COMPONENT)
		flags |= TARX_PATTERN_NO_SLASH;
	if (mode & TARX_MATCH_ANY_CASE)
		flags |= TARX_PATTERN_NO_CASE;
	if (mode & TARX_MATCH_ALONE)
		flags |= TARX_PATTERN_ALONE;
	return tarx_pattern_matches(pattern, flags, name);
}

bool tarx_match_is_pattern(const char *pattern)
{
	return strpbrk(pattern, "*?[\\");
}

/* One escape behind its backslash: its character, and how long it is; 0: it is none. */
static size_t escape(const char *at, char *c)
{
	static const char from[] = "abfnrtv\\?", to[] = "\a\b\f\n\r\t\v\\\177";
	const char *named = *at ? strchr(from, *at) : NULL;
	size_t len = 0;
	unsigned int value = 0;

	if (named) {
		*c = to[named - from];
		return 1;
	}
	while (len < 3 && at[len] >= '0' && at[len] <= '7')
		value = value * 8 + (unsigned int)(at[len++] - '0');
	*c = (char)value;
	return value > 0 ? len : 0;
}

void tarx_match_unquote(char *text)
{
	char *to = text;

	while (*text) {
		char c;
		size_t len = *text == '\\' ? escape(text + 1, &c) : 0;

		if (len > 0)
			*to++ = c;
		else
			*to++ = *text;
		text += 1 + len;
	}
	*to = '\0';
}
