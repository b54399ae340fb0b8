#include "tarx/pattern.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool matches_plain(const char *pattern, unsigned int flags, const char *name)
{
	size_t len = strlen(pattern);
	int differs = flags & TARX_PATTERN_NO_CASE ? strncasecmp(name, pattern, len)
						   : strncmp(name, pattern, len);

	return !differs && len > 0 &&
	       (!name[len] || (name[len] == '/' && !(flags & TARX_PATTERN_ALONE)));
}

static bool matches_wild(const char *pattern, unsigned int flags, const char *name)
{
	int how = flags & TARX_PATTERN_ALONE ? 0 : FNM_LEADING_DIR;

	if (flags & TARX_PATTERN_NO_SLASH)
		how |= FNM_PATHNAME;
	if (flags & TARX_PATTERN_NO_CASE)
		how |= FNM_CASEFOLD;
	return *pattern && fnmatch(pattern, name, how) == 0;
}

static bool matches_from(const char *pattern, unsigned int flags, const char *name)
{
	return flags & TARX_PATTERN_WILDCARDS ? matches_wild(pattern, flags, name)
					      : matches_plain(pattern, flags, name);
}

bool tarx_pattern_matches(const char *pattern, unsigned int flags, const char *name)
{
	if (matches_from(pattern, flags, name))
		return true;
	if (flags & TARX_PATTERN_ANCHORED)
		return false;
	for (; *name; name++)
		if (name[0] == '/' && name[1] != '/' && matches_from(pattern, flags, name + 1))
			return true;
	return false;
}

int tarx_patterns_add(struct tarx_patterns *patterns, const char *text, unsigned int flags)
{
	struct tarx_pattern *list = realloc(patterns->list, (patterns->count + 1) * sizeof(*list));
	char *copy = strdup(text);

	if (list)
		patterns->list = list;
	if (!list || !copy) {
		free(copy);
		return -ENOMEM;
	}
	list[patterns->count++] = (struct tarx_pattern){ .text = copy, .flags = flags };
	return 0;
}

bool tarx_patterns_match(const struct tarx_patterns *patterns, const char *name)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (tarx_pattern_matches(patterns->list[i].text, patterns->list[i].flags, name))
			return true;
	return false;
}

void tarx_patterns_release(struct tarx_patterns *patterns)
{
	for (size_t i = 0; i < patterns->count; i++)
		free(patterns->list[i].text);
	free(patterns->list);
	*patterns = (struct tarx_patterns){ 0 };
}
