#include "tarx/ustar.h"

#include "tarx/pax.h"

#include <string.h>
#include <sys/sysmacros.h>

#define USUAL_TIMES INT32_MAX /* a later one gets a record of libarchive's */

/* Byte offsets and lengths of the fields. */
enum {
	NAME = 0,
	MODE = 100,
	UID = 108,
	GID = 116,
	SIZE = 124,
	MTIME = 136,
	CHECKSUM = 148,
	TYPE = 156,
	LINKNAME = 157,
	MAGIC = 257,
	UNAME = 265,
	GNAME = 297,
	DEVMAJOR = 329,
	DEVMINOR = 337,
	PREFIX = 345,
	NAME_ROOM = 100,
	OWNER_ROOM = 32,
	PREFIX_ROOM = 155,
	SHORT_DIGITS = 6,
	LONG_DIGITS = 11,
};

/* DIGITS octal digits and a space. */
static bool put_number(char *to, uint64_t number, int digits)
{
	for (int at = digits; at > 0; number >>= 3)
		to[--at] = (char)('0' + (number & 7));
	to[digits] = ' ';
	return number == 0;
}

static bool put_text(char *to, const char *text, size_t room)
{
	size_t len = text ? strlen(text) : 0;

	if (len > room)
		return false;
	memcpy(to, text ? text : "", len);
	return true;
}

/* What does not fit is cut in two at the first slash that leaves a name which does. Of names in other
 * characters than ASCII libarchive makes something else. */
static bool put_long_name(char *header, const char *path, size_t len)
{
	const char *slash = memchr(path + len - NAME_ROOM - 1, '/', NAME_ROOM + 1);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)path[i] >= 0x80)
			return false;
	if (slash == path)
		slash = strchr(path + 1, '/');
	if (!slash || !slash[1] || slash - path > PREFIX_ROOM)
		return false;
	memcpy(header + PREFIX, path, (size_t)(slash - path));
	memcpy(header + NAME, slash + 1, len - (size_t)(slash + 1 - path));
	return true;
}

/* A directory's name ends with a slash. */
static bool put_name(char *header, const struct tarx_item *item)
{
	char path[NAME_ROOM + PREFIX_ROOM + 3];
	size_t len = strlen(item->path);

	if (len == 0 || len + 2 > sizeof(path))
		return false;
	memcpy(path, item->path, len + 1);
	if (S_ISDIR(item->mode) && !item->hardlink && path[len - 1] != '/') {
		path[len++] = '/';
		path[len] = '\0';
	}
	if (len > NAME_ROOM)
		return put_long_name(header, path, len);
	memcpy(header + NAME, path, len);
	return true;
}

static char type_of(const struct tarx_item *item)
{
	if (item->hardlink)
		return '1';
	switch (item->mode & S_IFMT) {
	case S_IFREG:
		return '0';
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFDIR:
		return '5';
	case S_IFIFO:
		return '6';
	default:
		return 0;
	}
}

static bool put_device(char *header, const struct tarx_item *item)
{
	bool device = (S_ISCHR(item->mode) || S_ISBLK(item->mode)) && !item->hardlink;
	dev_t dev = device ? item->rdev : 0;

	return put_number(header + DEVMAJOR, major(dev), SHORT_DIGITS) &&
	       put_number(header + DEVMINOR, minor(dev), SHORT_DIGITS);
}

static bool put_numbers(char *header, const struct tarx_item *item, uint64_t stored)
{
	return put_number(header + MODE, item->mode & 07777, SHORT_DIGITS) &&
	       put_number(header + UID, item->uid, SHORT_DIGITS) &&
	       put_number(header + GID, item->gid, SHORT_DIGITS) &&
	       put_number(header + SIZE, stored, LONG_DIGITS) && item->mtime.tv_sec >= 0 &&
	       item->mtime.tv_sec < USUAL_TIMES &&
	       put_number(header + MTIME, (uint64_t)item->mtime.tv_sec, LONG_DIGITS) &&
	       put_device(header, item);
}

bool tarx_ustar_encode(char *bytes, const struct tarx_item *item, uint64_t stored)
{
	memset(bytes, 0, TARX_BLOCK);
	bytes[TYPE] = type_of(item);
	memcpy(bytes + MAGIC,
	       "ustar\0"
	       "00",
	       8);
	if (!bytes[TYPE] || !put_name(bytes, item) || !put_numbers(bytes, item, stored) ||
	    !put_text(bytes + LINKNAME, item->link, NAME_ROOM) ||
	    !put_text(bytes + UNAME, item->uname, OWNER_ROOM) ||
	    !put_text(bytes + GNAME, item->gname, OWNER_ROOM))
		return false;
	tarx_pax_sum(bytes);
	return true;
}
