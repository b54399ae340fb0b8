#include "tarx/whiteout.h"

#include <stdio.h>
#include <string.h>

#define PREFIX     ".wh."
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define OPAQUE     ".wh..wh..opq"

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool tarx_whiteout_is_reserved(const char *path)
{
	return !strncmp(last_component(path), PREFIX, PREFIX_LEN);
}

/* Neither the directory itself nor the one above it can be removed from it; and what begins with the
 * prefix twice is what AUFS kept for itself. */
static bool is_removable(const char *name)
{
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       strncmp(name, PREFIX, PREFIX_LEN) != 0;
}

enum tarx_oci tarx_whiteout_read(const char *path, char *hidden)
{
	const char *last = last_component(path);
	size_t dir_len = (size_t)(last - path);

	if (!tarx_whiteout_is_reserved(path))
		return TARX_OCI_PLAIN;
	memcpy(hidden, path, dir_len);
	if (!strcmp(last, OPAQUE)) {
		hidden[dir_len > 0 ? dir_len - 1 : 0] = '\0';
		return TARX_OCI_OPAQUE;
	}
	if (!is_removable(last + PREFIX_LEN))
		return TARX_OCI_RESERVED;
	strcpy(hidden + dir_len, last + PREFIX_LEN);
	return TARX_OCI_WHITEOUT;
}

char *tarx_whiteout_of(const char *path)
{
	const char *last = last_component(path);
	char *out;

	return asprintf(&out, "%.*s" PREFIX "%s", (int)(last - path), path, last) < 0 ? NULL : out;
}

char *tarx_whiteout_opaque_of(const char *path)
{
	char *out;

	return asprintf(&out, "%s/" OPAQUE, path) < 0 ? NULL : out;
}
