#include "tarx/facts.h"

#include "tarx/acl_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XATTRS_MOST   4096u /* more than a file can have */
#define GLOBALS_BYTES (1u << 20)
#define FFLAGS_MOST   200u

struct taking {
	struct tarx_item *item;
	const struct tarx_headers *headers;
	const struct tarx_globals *globals;
	struct tx_arena *arena;
	struct tarx_xattr *xattrs;
};

static void doubt(struct tarx_item *item, const char *what)
{
	if (!item->warning)
		item->warning = what;
}

/* ------------------------------------------------------------------ global headers */

/* Whether the bytes of the archive behind the header would have to be read in another way. */
static bool changes_sizes(const struct tarx_record *record)
{
	return tarx_record_is(record, "size") || tarx_record_begins(record, "GNU.sparse.") ||
	       tarx_record_is(record, "SCHILY.realsize") || tarx_record_is(record, "SUN.holesdata");
}

static int keep_global(struct tarx_globals *globals, const struct tarx_body *body,
		       struct tx_err *err)
{
	struct tarx_body *bodies;
	char *copy;

	if (body->len == 0)
		return 0;
	if (body->len > GLOBALS_BYTES - globals->bytes)
		return tx_reject(err, E2BIG, "global headers of more than 1 MiB");
	bodies = realloc(globals->bodies, (globals->count + 1) * sizeof(*bodies));
	if (!bodies)
		return tx_fail(err, ENOMEM, "keep a global header");
	globals->bodies = bodies;
	copy = malloc(body->len);
	if (!copy)
		return tx_fail(err, ENOMEM, "keep a global header");
	memcpy(copy, body->bytes, body->len);
	bodies[globals->count++] = (struct tarx_body){ copy, body->len };
	globals->bytes += body->len;
	return 0;
}

int tarx_globals_add(struct tarx_globals *globals, const struct tarx_headers *headers,
		     struct tx_err *err)
{
	for (size_t i = 0; i < headers->global_count; i++) {
		const struct tarx_body *body = &headers->globals[i];
		struct tarx_record record;
		int r;

		for (size_t at = 0; tarx_body_next(body, &at, &record);)
			if (changes_sizes(&record))
				return tx_reject(err, EBADMSG,
						 "a global header changes the sizes of members");
		r = keep_global(globals, body, err);
		if (r < 0)
			return r;
	}
	return 0;
}

void tarx_globals_release(struct tarx_globals *globals)
{
	for (size_t i = 0; i < globals->count; i++)
		free((void *)(uintptr_t)globals->bodies[i].bytes);
	free(globals->bodies);
	*globals = (struct tarx_globals){ 0 };
}

/* Told once: facts of other kinds in global headers, which nobody was seen to write. */
static void look_at_globals(struct tarx_globals *globals, struct tarx_item *item)
{
	static const char *const known[] = { "path",  "linkpath", "uname",   "gname",
					     "uid",   "gid",      "mtime",   "hdrcharset",
					     "atime", "ctime",    "comment", "charset" };
	static const char *const of_star[] = { "SCHILY.release", "SCHILY.archtype",
					       "SCHILY.volhdr." };
	struct tarx_record record;

	for (size_t i = 0; i < globals->count && !globals->told; i++) {
		for (size_t at = 0; tarx_body_next(&globals->bodies[i], &at, &record);) {
			bool is_known = false;

			for (size_t j = 0; j < sizeof(known) / sizeof(*known); j++)
				is_known |= tarx_record_is(&record, known[j]);
			for (size_t j = 0; j < sizeof(of_star) / sizeof(*of_star); j++)
				is_known |= tarx_record_begins(&record, of_star[j]);
			globals->told |= !is_known;
		}
		if (globals->told)
			doubt(item, "something in a global header is not known and not restored");
	}
}

/* The record that counts for KEY. False: none, or one that is empty, and so says that the ustar header is
 * to be taken; *EMPTIED tells. */
static bool find(const struct taking *t, const char *key, struct tarx_record *record, bool *emptied)
{
	bool found = tarx_body_find(&t->headers->x, key, record);

	for (size_t i = t->globals->count; !found && i > 0; i--)
		found = tarx_body_find(&t->globals->bodies[i - 1], key, record);
	*emptied = found && record->value_len == 0;
	return found && !*emptied;
}

/* ------------------------------------------------------------------ names */

/* Puts the bytes of the record KEY in the place of *NAME. */
static int take_string(struct taking *t, const char *key, const char **name)
{
	struct tarx_record record;
	bool emptied;

	if (!find(t, key, &record, &emptied))
		return 0;
	if (memchr(record.value, '\0', record.value_len)) {
		t->item->broken = "a name in its header has a byte that is 0";
		return 0;
	}
	*name = tx_arena_copy(t->arena, record.value, record.value_len);
	return *name ? 0 : -ENOMEM;
}

static bool is_link(const struct taking *t)
{
	char type = t->headers->ustar[TARX_AT_TYPE];

	return type == '1' || type == '2';
}

/* libarchive takes everything with the name of another file for a hard link. */
static void take_link_kind(struct taking *t)
{
	t->item->hardlink = t->headers->ustar[TARX_AT_TYPE] == '1';
	if (!is_link(t))
		t->item->link = NULL;
	else if (!t->item->link)
		t->item->link = "";
}

/* libarchive knows in what order a long name and an x header count. */
static int take_names(struct taking *t)
{
	struct tarx_record record;
	bool emptied;
	int r = 0;

	if (find(t, "GNU.sparse.name", &record, &emptied))
		r = take_string(t, "GNU.sparse.name", &t->item->path);
	else if (!t->headers->long_name)
		r = take_string(t, "path", &t->item->path);
	take_link_kind(t);
	if (r == 0 && is_link(t) && !t->headers->long_link)
		r = take_string(t, "linkpath", &t->item->link);
	if (r == 0)
		r = take_string(t, "uname", &t->item->uname);
	if (r == 0)
		r = take_string(t, "gname", &t->item->gname);
	return r;
}

/* ------------------------------------------------------------------ numbers */

/* (uid_t)-1 means "leave it" to chown(2). */
static uint32_t take_id(struct taking *t, const char *key, size_t field, uint32_t id)
{
	struct tarx_record record;
	uint64_t number;
	bool emptied, good;

	if (find(t, key, &record, &emptied))
		good = tarx_number(record.value, record.value_len, UINT32_MAX - 1, &number);
	else if (emptied)
		good = tarx_field_number(t->headers->ustar + field, 8, &number) &&
		       number < UINT32_MAX;
	else
		return id;
	t->item->no_owner |= !good;
	return good ? (uint32_t)number : id;
}

static void take_mtime(struct taking *t)
{
	struct tarx_record record;
	uint64_t number;
	bool emptied;

	if (find(t, "mtime", &record, &emptied)) {
		if (!tarx_time(record.value, record.value_len, &t->item->mtime))
			doubt(t->item, "its modification time is none");
	} else if (emptied && tarx_field_number(t->headers->ustar + TARX_AT_MTIME, 12, &number)) {
		t->item->mtime = (struct timespec){ (time_t)number, 0 };
	}
}

/* ------------------------------------------------------------------ attributes */

static int add_xattr(struct taking *t, char *name, const void *value, size_t len)
{
	struct tarx_item *item = t->item;
	struct tarx_xattr *x = t->xattrs;

	while (x < t->xattrs + item->xattr_count && strcmp(x->name, name) != 0)
		x++;
	/* As everywhere in pax, the last one counts. */
	*x = (struct tarx_xattr){ .name = name, .value = value, .len = len };
	item->xattr_count += x == t->xattrs + item->xattr_count;
	return 0;
}

static const char schily[] = "SCHILY.xattr.", libarchive[] = "LIBARCHIVE.xattr.";

/* libarchive writes each attribute under two keywords, and odd names in both of them as in a URL. */
static bool has_twin(const struct taking *t, const struct tarx_record *record)
{
	const size_t skip = strlen(schily), twin_skip = strlen(libarchive);
	struct tarx_record twin;

	if (!memchr(record->key, '%', record->key_len))
		return false;
	for (size_t at = 0; tarx_body_next(&t->headers->x, &at, &twin);)
		if (tarx_record_begins(&twin, libarchive) &&
		    twin.key_len - twin_skip == record->key_len - skip &&
		    !memcmp(twin.key + twin_skip, record->key + skip, record->key_len - skip))
			return true;
	return false;
}

static int take_xattr(struct taking *t, const struct tarx_record *record, size_t prefix,
		      bool is_libarchive)
{
	size_t len = record->value_len;
	char *name = tx_arena_take(t->arena, record->key_len + 1), *value;

	if (!name)
		return -ENOMEM;
	if (record->key_len == prefix ||
	    !tarx_xattr_name(record->key + prefix, record->key_len - prefix, is_libarchive, name)) {
		doubt(t->item, "an extended attribute without a proper name is left out");
		return 0;
	}
	value = tx_arena_copy(t->arena, record->value, len);
	if (!value)
		return -ENOMEM;
	if (is_libarchive)
		len = tarx_base64(record->value, record->value_len, value);
	if (len == SIZE_MAX) {
		doubt(t->item, "an extended attribute that is not base64 is left out");
		return 0;
	}
	return add_xattr(t, name, value, len);
}

static int take_xattr_record(struct taking *t, const struct tarx_record *record)
{
	if (tarx_record_begins(record, libarchive))
		return take_xattr(t, record, strlen(libarchive), true);
	if (tarx_record_begins(record, schily) && !has_twin(t, record))
		return take_xattr(t, record, strlen(schily), false);
	/* GNU tar's keyword for what is security.selinux. */
	if (tarx_record_is(record, "RHT.security.selinux"))
		return take_xattr(t, record, strlen("RHT."), false);
	return 0;
}

static bool is_xattr(const struct tarx_record *record)
{
	return tarx_record_begins(record, schily) || tarx_record_begins(record, libarchive) ||
	       tarx_record_is(record, "RHT.security.selinux");
}

static int take_xattrs(struct taking *t)
{
	const struct tarx_body *x = &t->headers->x;
	struct tarx_record record;
	size_t count = 0;
	int r = 0;

	for (size_t at = 0; tarx_body_next(x, &at, &record);)
		count += is_xattr(&record);
	if (count == 0)
		return 0;
	if (count > XATTRS_MOST) {
		doubt(t->item, "its extended attributes are left out: more than a file can have");
		return 0;
	}
	t->xattrs = tx_arena_take(t->arena, count * sizeof(*t->xattrs));
	if (!t->xattrs)
		return -ENOMEM;
	for (size_t at = 0; r == 0 && tarx_body_next(x, &at, &record);)
		r = take_xattr_record(t, &record);
	t->item->xattrs = t->xattrs;
	return r;
}

/* Entries may stand on lines of their own. */
static int take_acl(struct taking *t, const char *key, const char **out)
{
	struct tarx_record record;
	char *text;

	if (!tarx_body_find(&t->headers->x, key, &record) || record.value_len == 0)
		return 0;
	if (memchr(record.value, '\0', record.value_len)) {
		doubt(t->item, "its ACL is left out: it has a byte that is 0");
		return 0;
	}
	text = tx_arena_copy(t->arena, record.value, record.value_len);
	if (!text)
		return -ENOMEM;
	for (char *c = text; *c; c++)
		if (*c == '\n')
			*c = ',';
	*out = text;
	return 0;
}

/* libarchive puts an ACL's group entry in the place of the mode's group bits, which are its mask. */
static void take_mode(struct taking *t)
{
	uint64_t mode;

	if (tarx_field_number(t->headers->ustar + TARX_AT_MODE, 8, &mode))
		t->item->mode = (t->item->mode & S_IFMT) | ((mode_t)mode & 07777);
}

static int take_solaris_acl(struct taking *t)
{
	const struct tarx_body *body = &t->headers->solaris_acl;
	char *access = tx_arena_take(t->arena, 2 * body->len + 1);
	char *inherited = tx_arena_take(t->arena, 2 * body->len + 1);

	if (!access || !inherited)
		return -ENOMEM;
	if (!tarx_acl_of_solaris(body->bytes, body->len, access, inherited)) {
		doubt(t->item, "its ACL is left out: it is of a kind that Linux does not have");
		return 0;
	}
	if (*access)
		t->item->acl_access = access;
	if (*inherited)
		t->item->acl_default = inherited;
	return 0;
}

static int take_acls(struct taking *t)
{
	int r = take_acl(t, "SCHILY.acl.access", &t->item->acl_access);

	if (r == 0)
		r = take_acl(t, "SCHILY.acl.default", &t->item->acl_default);
	if (r == 0 && t->headers->solaris_acl.bytes)
		r = take_solaris_acl(t);
	take_mode(t);
	return r;
}

/* ------------------------------------------------------------------ what tarx itself writes as comments */

/* The value of the comment NAME, "tarx.fflags=" for one. False: none. */
static bool find_ours(const struct taking *t, const char *name, struct tarx_record *found)
{
	size_t len = strlen(name);
	struct tarx_record record;
	bool any = false;

	for (size_t at = 0; tarx_body_next(&t->headers->x, &at, &record);) {
		if (!tarx_record_is(&record, "comment") || record.value_len < len ||
		    memcmp(record.value, name, len) != 0)
			continue;
		*found = record;
		found->value += len;
		found->value_len -= len;
		any = true;
	}
	return any;
}

static bool are_fflags(const struct tarx_record *record)
{
	if (record->value_len == 0 || record->value_len > FFLAGS_MOST)
		return false;
	for (size_t i = 0; i < record->value_len; i++)
		if ((record->value[i] < 'a' || record->value[i] > 'z') && record->value[i] != ',' &&
		    record->value[i] != '-') /* "journal-data" */
			return false;
	return true;
}

static int take_fflags(struct taking *t)
{
	struct tarx_record record;

	if (!find_ours(t, "tarx.fflags=", &record) &&
	    !tarx_body_find(&t->headers->x, "SCHILY.fflags", &record))
		return 0;
	if (!are_fflags(&record)) {
		doubt(t->item, "its file flags are left out: they are not words");
		return 0;
	}
	t->item->fflags = tx_arena_copy(t->arena, record.value, record.value_len);
	return t->item->fflags ? 0 : -ENOMEM;
}

static void take_project(struct taking *t)
{
	struct tarx_record record;
	uint64_t number;

	if (!find_ours(t, "tarx.projid=", &record))
		return;
	t->item->has_projid = tarx_number(record.value, record.value_len, UINT32_MAX, &number);
	if (t->item->has_projid)
		t->item->projid = (uint32_t)number;
	else
		doubt(t->item, "its project is left out: it is not a number");
}

static void take_subvolume(struct taking *t)
{
	struct tarx_record record;

	if (!find_ours(t, "tarx.subvolume=", &record))
		return;
	if (record.value_len == 2 && !memcmp(record.value, "rw", 2))
		t->item->subvolume = "rw";
	else if (record.value_len == 2 && !memcmp(record.value, "ro", 2))
		t->item->subvolume = "ro";
	else
		doubt(t->item, "that it was a subvolume is ignored: neither rw nor ro");
}

/* At a keyword with a NUL others give up. */
static bool is_extra(const struct tarx_record *record)
{
	return tarx_record_use(record) == TARX_RECORD_EXTRA &&
	       !memchr(record->key, '\0', record->key_len);
}

static int take_extra(struct taking *t)
{
	const struct tarx_body *x = &t->headers->x;
	struct tarx_record record;
	size_t len = 0;
	char *extra;

	for (size_t at = 0; tarx_body_next(x, &at, &record);) {
		if (memchr(record.key, '\0', record.key_len))
			doubt(t->item, "a record without a proper keyword is left out");
		len += is_extra(&record) ? record.len : 0;
	}
	if (len == 0)
		return 0;
	extra = tx_arena_take(t->arena, len);
	if (!extra)
		return -ENOMEM;
	t->item->extra = extra;
	t->item->extra_len = len;
	for (size_t at = 0; tarx_body_next(x, &at, &record);) {
		if (is_extra(&record)) {
			memcpy(extra, tarx_record_start(&record), record.len);
			extra += record.len;
		}
	}
	return 0;
}

int tarx_facts_take(struct tarx_item *item, const struct tarx_headers *headers,
		    struct tarx_globals *globals, struct tx_arena *arena)
{
	struct taking t = { .item = item, .headers = headers, .globals = globals, .arena = arena };
	int r = take_names(&t);

	item->uid = take_id(&t, "uid", TARX_AT_UID, item->uid);
	item->gid = take_id(&t, "gid", TARX_AT_GID, item->gid);
	take_mtime(&t);
	take_project(&t);
	take_subvolume(&t);
	if (r == 0)
		r = take_xattrs(&t);
	if (r == 0)
		r = take_acls(&t);
	if (r == 0)
		r = take_fflags(&t);
	if (r == 0)
		r = take_extra(&t);
	look_at_globals(globals, item);
	return r;
}
