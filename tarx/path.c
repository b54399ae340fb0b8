#include "tarx/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Length of the component at PATH. */
static size_t component(const char *path)
{
	return strcspn(path, "/");
}

static bool is_up(const char *path, size_t len)
{
	return len == 2 && path[0] == '.' && path[1] == '.';
}

const char *tarx_path_stored(const char *path, size_t *cut)
{
	const char *rest = path;

	for (const char *at = path; *at;) {
		size_t len = component(at);

		if (is_up(at, len))
			rest = at + len;
		at += len;
		at += strspn(at, "/");
	}
	rest += strspn(rest, "/");
	*cut = (size_t)(rest - path);
	return *rest ? rest : ".";
}

char *tarx_path_restored(const char *name)
{
	char *out = malloc(strlen(name) + 1), *to = out;

	if (!out)
		return NULL;
	while (*name) {
		size_t len = component(name);

		if (is_up(name, len)) {
			free(out);
			errno = EINVAL;
			return NULL;
		}
		if (len > 0 && !(len == 1 && *name == '.')) {
			if (to > out)
				*to++ = '/';
			memcpy(to, name, len);
			to += len;
		}
		name += len;
		name += *name == '/';
	}
	*to = '\0';
	return out;
}

bool tarx_path_matches(const char *name, const char *wanted)
{
	size_t len = strlen(wanted);

	if (len == 0)
		return true;
	return !strncmp(name, wanted, len) && (name[len] == '\0' || name[len] == '/');
}
