#include "tarx/rootless.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* A number up to MAX and what ends it, one of ENDS; *AT goes behind that. */
static bool take_number(const char **at, int base, unsigned long max, const char *ends,
			unsigned long *n)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	errno = 0;
	*n = strtoul(*at, &end, base);
	if (errno || *n > max || !strchr(ends, *end))
		return false;
	*at = *end ? end + 1 : end;
	return true;
}

static bool take_device(struct tarx_rootless *o, const char *numbers)
{
	unsigned long major, minor;

	if (!take_number(&numbers, 10, UINT32_MAX, "-", &major) ||
	    !take_number(&numbers, 10, UINT32_MAX, "", &minor))
		return false;
	o->rdev = makedev((unsigned int)major, (unsigned int)minor);
	return o->rdev != 0 || S_ISBLK(o->mode);
}

static bool take_type(struct tarx_rootless *o, const char *type)
{
	static const struct {
		const char *word;
		mode_t type;
	} known[] = {
		{ "file", S_IFREG },
		{ "dir", S_IFDIR },
		{ "pipe", S_IFIFO },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!strcmp(type, known[i].word)) {
			o->mode |= known[i].type;
			return true;
		}
	}
	if (!strncmp(type, "char-", 5)) {
		o->mode |= S_IFCHR;
		return take_device(o, type + 5);
	}
	if (!strncmp(type, "block-", 6)) {
		o->mode |= S_IFBLK;
		return take_device(o, type + 6);
	}
	return false;
}

bool tarx_rootless_read(struct tarx_rootless *o, const char *value, size_t len)
{
	unsigned long uid, gid, mode;
	const char *at;
	char text[128];

	if (len >= sizeof(text) || memchr(value, '\0', len))
		return false;
	memcpy(text, value, len);
	text[len] = '\0';
	at = text;
	/* The last number is none: it stands for "do not change". */
	if (!take_number(&at, 10, UINT32_MAX - 1, ":", &uid) ||
	    !take_number(&at, 10, UINT32_MAX - 1, ":", &gid) ||
	    !take_number(&at, 8, 0177777, ":", &mode))
		return false;
	*o = (struct tarx_rootless){ .uid = (uid_t)uid,
				     .gid = (gid_t)gid,
				     .mode = (mode_t)mode & 07777 };
	return !*at || take_type(o, at);
}

size_t tarx_rootless_write(char out[TARX_ROOTLESS_ROOM], uid_t uid, gid_t gid, mode_t mode)
{
	return (size_t)snprintf(out, TARX_ROOTLESS_ROOM, "%u:%u:0%o", uid, gid, mode & 07777);
}
