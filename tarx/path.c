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

/* Whether a component of NAME is "..". */
static bool goes_up(const char *name)
{
	while (*name) {
		size_t len = component(name);

		if (is_up(name, len))
			return true;
		name += len;
		name += *name == '/';
	}
	return false;
}

char *tarx_path_restored(const char *name)
{
	if (goes_up(name)) {
		errno = EINVAL;
		return NULL;
	}
	return tarx_path_named(name + strspn(name, "/"));
}

char *tarx_path_named(const char *name)
{
	char *out = malloc(strlen(name) + 1), *to = out;

	if (!out)
		return NULL;
	if (*name == '/')
		*to++ = '/';
	while (*name) {
		size_t len = component(name);

		if (len > 0 && !(len == 1 && *name == '.')) {
			if (to > out && to[-1] != '/')
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
