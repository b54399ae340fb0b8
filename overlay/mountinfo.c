#include "overlay/mountinfo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_octal(const char *s)
{
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' &&
	       s[2] <= '7';
}

void overlay_octal_decode(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && is_octal(from + 1)) {
			*to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + from[3] - '0');
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

void overlay_unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (*from == '\\')
			from++;
		*to = *from;
		if (*from)
			from++;
	}
	*to = '\0';
}

/* The next field; "" is one too, an overlay may be mounted from a device named so. */
static char *next_field(char **rest)
{
	return strsep(rest, " ");
}

static bool parse_number(const char *text, int base, uint64_t *value, const char **end)
{
	char *stop;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &stop, base);
	*end = stop;
	return errno == 0;
}

static bool parse_id(const char *text, uint64_t *id)
{
	const char *end;

	return text && parse_number(text, 10, id, &end) && *end == '\0';
}

static bool parse_device(const char *text, struct overlay_mount_line *m)
{
	uint64_t major, minor;
	const char *end;

	if (!text || !parse_number(text, 10, &major, &end) || *end != ':')
		return false;
	if (!parse_number(end + 1, 10, &minor, &end) || *end != '\0')
		return false;
	m->major = (unsigned int)major;
	m->minor = (unsigned int)minor;
	return true;
}

static char *parse_path(char *text)
{
	if (text)
		overlay_octal_decode(text);
	return text;
}

/* Optional fields, any number of them, end at a lone "-". */
static bool skip_optional(char **rest)
{
	const char *field;

	do
		field = next_field(rest);
	while (field && strcmp(field, "-") != 0);
	return field;
}

bool overlay_mount_line_parse(struct overlay_mount_line *m, char *line)
{
	char *rest = line;

	*m = (struct overlay_mount_line){ 0 };
	line[strcspn(line, "\n")] = '\0';
	if (!parse_id(next_field(&rest), &m->id))
		return false;
	next_field(&rest); /* parent */
	if (!parse_device(next_field(&rest), m))
		return false;
	m->root = parse_path(next_field(&rest));
	m->point = parse_path(next_field(&rest));
	next_field(&rest); /* options of the mount */
	if (!skip_optional(&rest))
		return false;
	m->type = next_field(&rest);
	next_field(&rest); /* source */
	m->options = next_field(&rest);
	return m->options;
}

static int add_lower(struct overlay_options *o, const char *path, bool data_only)
{
	struct overlay_lower *more;
	char *copy;

	if (!*path)
		return -EINVAL;
	more = realloc(o->lowers, (o->count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	o->lowers = more;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	o->lowers[o->count++] = (struct overlay_lower){ .path = copy, .data_only = data_only };
	return 0;
}

/* The first colon that is not escaped, or the end. */
static char *path_end(char *list)
{
	while (*list && *list != ':') {
		if (*list == '\\' && list[1])
			list++;
		list++;
	}
	return list;
}

/* "top:middle:bottom::data::data": after the first double colon all are data-only. */
static int add_lowers(struct overlay_options *o, char *list)
{
	bool data_only = false, more = true;
	int r = 0;

	while (more && r == 0) {
		char *end = path_end(list), *next = end;

		more = *end == ':';
		if (more)
			next++;
		if (more && *next == ':')
			next++;
		*end = '\0';
		overlay_unescape(list);
		r = add_lower(o, list, data_only);
		data_only = data_only || next - end == 2;
		list = next;
	}
	return r;
}

static int set_upper(struct overlay_options *o, const char *path)
{
	free(o->upper);
	o->upper = strdup(path);
	return o->upper ? 0 : -ENOMEM;
}

/* VALUE is free of octal escapes by now. "lowerdir+" and "datadir+" carry one path each, in which
 * overlayfs gives no meaning to a backslash or a colon. */
static int apply_option(struct overlay_options *o, const char *key, char *value)
{
	if (!strcmp(key, "lowerdir"))
		return add_lowers(o, value);
	if (!strcmp(key, "lowerdir+"))
		return add_lower(o, value, false);
	if (!strcmp(key, "datadir+"))
		return add_lower(o, value, true);
	if (!strcmp(key, "upperdir"))
		return set_upper(o, value);
	if (!strcmp(key, "userxattr"))
		o->userxattr = true;
	if (!strcmp(key, "index"))
		o->index = !strcmp(value, "off") ? OVERLAY_INDEX_OFF : OVERLAY_INDEX_ON;
	return 0;
}

/* A comma within a value is shown as \054, so the bare ones separate. */
static int apply_options(struct overlay_options *o, char *text)
{
	char *key;
	int r = 0;

	while (r == 0 && (key = strsep(&text, ","))) {
		char *value = strchr(key, '=');

		if (value)
			*value++ = '\0';
		else
			value = key + strlen(key);
		overlay_octal_decode(key);
		overlay_octal_decode(value);
		r = apply_option(o, key, value);
	}
	return r == 0 && o->count == 0 ? -EINVAL : r;
}

int overlay_options_parse(struct overlay_options *o, const char *options)
{
	char *text = strdup(options);
	int r;

	*o = (struct overlay_options){ 0 };
	if (!text)
		return -ENOMEM;
	r = apply_options(o, text);
	free(text);
	return r;
}

void overlay_options_release(struct overlay_options *o)
{
	for (size_t i = 0; i < o->count; i++)
		free(o->lowers[i].path);
	free(o->lowers);
	free(o->upper);
	*o = (struct overlay_options){ 0 };
}
