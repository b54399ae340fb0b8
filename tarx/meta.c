#include "tarx/meta.h"

#include "align/cleanup.h"
#include "align/io.h"
#include "overlay/marks.h"
#include "tarx/fflags.h"

#include <acl/libacl.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/acl.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ACL_ACCESS_XATTR  "system.posix_acl_access"
#define ACL_DEFAULT_XATTR "system.posix_acl_default"
#define LIST_ROOM         1024 /* enough for nearly all */
#define LIST_MAX          65536 /* XATTR_LIST_MAX of the kernel */

/* ------------------------------------------------------------------ reading attributes */

struct loader {
	struct tarx_item *item;
	int fd;
	bool by_path;
	char path[TX_PROC_ROOM];
	struct tx_arena *arena;
	struct tarx_owners *owners;
	const struct tarx_meta_wants *wants;
	struct tx_err *err;
};

static ssize_t get_value(const struct loader *l, const char *name, void *value, size_t room)
{
	ssize_t n = l->by_path ? getxattr(l->path, name, value, room)
			       : fgetxattr(l->fd, name, value, room);

	return n < 0 ? -errno : n;
}

static ssize_t call_list(const struct loader *l, char *list, size_t room)
{
	return l->by_path ? listxattr(l->path, list, room) : flistxattr(l->fd, list, room);
}

/* The names into the arena. overlayfs wants more room than it then fills, so the room is never cut to
 * what an earlier call returned. Returns their length or -errno. */
static ssize_t list_names(const struct loader *l, char **list)
{
	char small[LIST_ROOM];
	ssize_t n = call_list(l, small, sizeof(small));

	if (n >= 0) {
		*list = tx_arena_copy(l->arena, small, (size_t)n);
		return *list ? n : -ENOMEM;
	}
	if (errno != ERANGE)
		return -errno;
	*list = tx_arena_take(l->arena, LIST_MAX);
	if (!*list)
		return -ENOMEM;
	n = call_list(l, *list, LIST_MAX);
	return n < 0 ? -errno : n;
}

/* Another process may make the value longer between its length and itself. */
static int load_value(const struct loader *l, struct tarx_xattr *x)
{
	for (int tries = 0; tries < 8; tries++) {
		ssize_t n = get_value(l, x->name, NULL, 0);
		void *value;

		if (n < 0)
			return (int)n;
		value = tx_arena_take(l->arena, (size_t)n + 1);
		if (!value)
			return -ENOMEM;
		n = get_value(l, x->name, value, (size_t)n);
		if (n == -ERANGE)
			continue;
		if (n < 0)
			return (int)n;
		x->value = value;
		x->len = (size_t)n;
		return 0;
	}
	return -ERANGE;
}

/* "user:joe:rw-:1000": names for people and other machines, the number for certainty. */
static char *acl_text(const struct loader *l, acl_t acl)
{
	TX_FREE char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	acl_entry_t entry;

	if (!out)
		return NULL;
	for (int r = acl_get_entry(acl, ACL_FIRST_ENTRY, &entry); r == 1;
	     r = acl_get_entry(acl, ACL_NEXT_ENTRY, &entry)) {
		static const char *const words[] = {
			[ACL_USER_OBJ] = "user", [ACL_USER] = "user", [ACL_GROUP_OBJ] = "group",
			[ACL_GROUP] = "group",   [ACL_MASK] = "mask", [ACL_OTHER] = "other"
		};
		acl_permset_t perms;
		acl_tag_t tag;
		const id_t *id = NULL;
		const char *name = NULL;

		acl_get_tag_type(entry, &tag);
		acl_get_permset(entry, &perms);
		if (tag == ACL_USER || tag == ACL_GROUP)
			id = acl_get_qualifier(entry);
		if (id && !l->wants->numeric)
			name = tarx_owners_name(l->owners, tag == ACL_USER ? TARX_USER : TARX_GROUP,
						*id);
		fprintf(out, "%s%s:", ftell(out) > 0 ? "," : "", words[tag]);
		if (name)
			fputs(name, out);
		else if (id)
			fprintf(out, "%u", *id);
		fprintf(out, ":%c%c%c", acl_get_perm(perms, ACL_READ) ? 'r' : '-',
			acl_get_perm(perms, ACL_WRITE) ? 'w' : '-',
			acl_get_perm(perms, ACL_EXECUTE) ? 'x' : '-');
		if (name)
			fprintf(out, ":%u", *id);
		acl_free((void *)(uintptr_t)id);
	}
	if (fclose(out) != 0)
		return NULL;
	return tx_arena_copy(l->arena, text, len);
}

static int load_acl(const struct loader *l, acl_type_t type, const char **out)
{
	acl_t acl = acl_get_file(l->path, type);

	if (!acl)
		return tx_fail(l->err, errno, "read the ACL");
	if (acl_entries(acl) > 0)
		*out = acl_text(l, acl);
	acl_free(acl);
	return 0;
}

/* The list of names, and behind it the attributes; what fails is left out and told. */
static int load_listed(const struct loader *l, const char *list, size_t len)
{
	size_t count = 0;
	struct tarx_xattr *xattrs;
	int failure = 0;

	for (size_t at = 0; at < len; at += strlen(list + at) + 1)
		count++;
	xattrs = tx_arena_take(l->arena, count * sizeof(*xattrs));
	if (!xattrs)
		return tx_fail(l->err, ENOMEM, "read extended attributes");
	l->item->xattrs = xattrs;
	for (const char *name = list; name < list + len; name += strlen(name) + 1) {
		struct tarx_xattr x = { .name = name };
		int r = 0;

		if (!strcmp(name, ACL_ACCESS_XATTR)) {
			if (l->wants->acls)
				r = load_acl(l, ACL_TYPE_ACCESS, &l->item->acl_access);
		} else if (!strcmp(name, ACL_DEFAULT_XATTR)) {
			if (l->wants->acls)
				r = load_acl(l, ACL_TYPE_DEFAULT, &l->item->acl_default);
		} else if (!tarx_meta_is_acl(name) && tarx_meta_wants_xattr(l->wants, name)) {
			r = load_value(l, &x);
			if (r == 0)
				xattrs[l->item->xattr_count++] = x;
			else if (r == -ENODATA) /* removed meanwhile */
				r = 0;
			else
				tx_fail(l->err, -r, "read the extended attribute %s", name);
		}
		if (r < 0)
			failure = r;
	}
	return failure;
}

int tarx_meta_load(struct tarx_item *item, int fd, bool by_path,
		   const struct tarx_meta_wants *wants, struct tarx_owners *owners,
		   struct tx_arena *arena, struct tx_err *err)
{
	struct loader l = { .item = item,
			    .fd = fd,
			    .by_path = by_path,
			    .arena = arena,
			    .owners = owners,
			    .wants = wants,
			    .err = err };
	char *list;
	ssize_t n;

	if (!wants->xattrs && !wants->acls)
		return 0;
	tx_proc_path(l.path, fd);
	n = list_names(&l, &list);
	if (n == 0 || n == -EOPNOTSUPP)
		return 0;
	if (n < 0)
		return tx_fail(err, (int)-n, "list extended attributes");
	return load_listed(&l, list, (size_t)n);
}

int tarx_meta_load_flags(struct tarx_item *item, int fd, dev_t dev, struct align_attrs_asker *asker,
			 struct tx_arena *arena, struct tx_err *err)
{
	struct align_attrs attrs;
	char words[TARX_FFLAGS_ROOM];
	size_t len;
	int r = align_attrs_read(asker, fd, dev, &attrs);

	if (r < 0)
		return tx_fail(err, -r, "read the file flags");
	len = tarx_fflags_words(words, attrs.flags);
	if (len > 0) {
		item->fflags = tx_arena_copy(arena, words, len);
		if (!item->fflags)
			return tx_fail(err, ENOMEM, "read the file flags");
	}
	item->has_projid = attrs.project != 0;
	item->projid = attrs.project;
	return 0;
}

/* ------------------------------------------------------------------ setting attributes */

struct setter {
	const struct tarx_item *item;
	const struct tarx_meta_target *target;
	const struct tarx_meta_wants *wants;
	struct tarx_owners *owners;
	tarx_meta_complain *complain;
	void *data;
	char path[TX_PROC_ROOM]; /* of the inode, by its descriptor */
	mode_t forbidden; /* bits that must not be set any more */
	int failures;
};

static void complain_of(struct setter *s, enum tarx_meta_loss loss, const struct tx_err *err)
{
	s->failures++;
	s->complain(s->data, loss, err);
}

static void complain(struct setter *s, const struct tx_err *err)
{
	complain_of(s, TARX_META_LOST, err);
}

/* ------------------------------------------------------------------ flags, project, compression */

static void add_flag(struct setter *s, uint32_t flag)
{
	enum tarx_meta_loss loss = TARX_META_LOST;
	int r = align_attrs_add(s->target->fd, flag);
	struct tx_err err;

	if (r == 0)
		return;
	tx_fail(&err, -r, "set the file flag %s", tarx_fflags_word(flag));
	if (r == -EOPNOTSUPP)
		loss = flag & tarx_fflags_hints() ? TARX_META_LOST_HINT : TARX_META_LOST_FLAG;
	complain_of(s, loss, &err);
}

/* All at once, or else one by one, so that one that is refused does not take others with it. */
static void add_flags(struct setter *s, uint32_t flags)
{
	if (!flags || align_attrs_add(s->target->fd, flags) == 0)
		return;
	for (uint32_t flag = 1; flag; flag <<= 1)
		if (flags & flag)
			add_flag(s, flag);
}

static void set_project(struct setter *s)
{
	struct tx_err err;
	int r = 0;

	if (s->wants->fflags && s->item->has_projid)
		r = align_attrs_set_project(s->target->fd, s->item->projid);
	if (r == 0)
		return;
	tx_fail(&err, -r, "put it into the quota project %u", s->item->projid);
	complain_of(s, r == -EOPNOTSUPP ? TARX_META_LOST_PROJECT : TARX_META_LOST, &err);
}

const struct tarx_xattr *tarx_meta_compression(const struct tarx_item *item)
{
	for (size_t i = 0; i < item->xattr_count; i++)
		if (!strcmp(item->xattrs[i].name, "btrfs.compression"))
			return &item->xattrs[i];
	return NULL;
}

static void set_xattr(struct setter *s, const struct tarx_xattr *x)
{
	struct tx_err err;

	if ((s->target->by_path ? setxattr(s->path, x->name, x->value, x->len, 0)
				: fsetxattr(s->target->fd, x->name, x->value, x->len, 0)) == 0)
		return;
	tx_fail(&err, errno, "set the extended attribute %s", x->name);
	complain_of(s, err.code == EOPNOTSUPP ? TARX_META_LOST_XATTR : TARX_META_LOST, &err);
}

static void set_flags(struct setter *s)
{
	const struct tarx_xattr *compression = s->wants->xattrs ? tarx_meta_compression(s->item)
								: NULL;

	if (s->wants->fflags && s->item->fflags) {
		const char *unknown;
		size_t len;
		uint32_t flags = tarx_fflags_parse(s->item->fflags, &unknown, &len);
		struct tx_err err;

		if (unknown) {
			tx_reject(&err, EOPNOTSUPP, "%.*s is no file flag of this system", (int)len,
				  unknown);
			complain_of(s, TARX_META_LOST_HINT, &err);
		}
		/* The attribute says the same, and by which method. */
		if (compression)
			flags &= ~(uint32_t)(FS_COMPR_FL | FS_NOCOMP_FL);
		add_flags(s, flags & ~tarx_fflags_last());
	}
	if (compression)
		set_xattr(s, compression);
}

static void set_last_flags(struct setter *s)
{
	if (s->wants->fflags && s->item->fflags)
		add_flags(s, tarx_fflags_parse(s->item->fflags, NULL, NULL) & tarx_fflags_last());
}

bool tarx_meta_has_last(const struct tarx_item *item)
{
	return item->fflags && (tarx_fflags_parse(item->fflags, NULL, NULL) & tarx_fflags_last());
}

/* ------------------------------------------------------------------ owner, mode, ACLs, times */

void tarx_meta_owner(const struct tarx_item *item, const struct tarx_meta_wants *wants,
		     struct tarx_owners *owners, uid_t *uid, gid_t *gid)
{
	*uid = item->uid;
	*gid = item->gid;
	if (wants->numeric)
		return;
	*uid = tarx_owners_id(owners, TARX_USER, item->uname, *uid);
	*gid = tarx_owners_id(owners, TARX_GROUP, item->gname, *gid);
}

/* The kernel shows this number for all that it cannot tell. */
#define NOBODY_TELLS 65534u

static bool has_owner(const struct stat *now, uid_t uid, gid_t gid)
{
	return now && now->st_uid == uid && now->st_gid == gid && uid != NOBODY_TELLS &&
	       gid != NOBODY_TELLS;
}

/* What runs as its owner must not run as somebody else: without the owner no set-id bits. */
static void set_owner(struct setter *s)
{
	const mode_t set_ids = S_ISDIR(s->item->mode) ? S_ISUID : S_ISUID | S_ISGID;
	struct tx_err err;
	uid_t uid;
	gid_t gid;

	tarx_meta_owner(s->item, s->wants, s->owners, &uid, &gid);
	if (s->item->no_owner) {
		s->forbidden = set_ids;
		return;
	}
	if (!s->wants->owner) {
		s->forbidden = uid == geteuid() && gid == getegid() ? 0 : set_ids;
		return;
	}
	if (has_owner(s->target->now, uid, gid) ||
	    fchownat(s->target->fd, "", uid, gid, AT_EMPTY_PATH) == 0)
		return;
	tx_fail(&err, errno, "change the owner to %u:%u", uid, gid);
	s->forbidden = set_ids;
	complain(s, &err);
}

/* Of set-id bits nothing is known once the owner was changed. */
static bool has_mode(const struct setter *s, mode_t mode)
{
	const struct stat *now = s->target->now;

	return now && !s->target->clear_acls && (now->st_mode & 07777) == mode &&
	       !(mode & (S_ISUID | S_ISGID));
}

static void set_mode(struct setter *s)
{
	mode_t mode = s->item->mode & 07777 & s->wants->mode_mask & ~s->forbidden;
	struct tx_err err;

	if (S_ISLNK(s->item->mode) || has_mode(s, mode))
		return;
	if ((s->target->by_path ? chmod(s->path, mode) : fchmod(s->target->fd, mode)) == 0)
		return;
	tx_fail(&err, errno, "change the mode to %04o", mode);
	complain(s, &err);
}

/* One field of an ACL entry: up to ":" or ",". */
static size_t field(const char *text)
{
	return strcspn(text, ":,");
}

/* "user:joe:rw-:1000" becomes "user:1001:rw-" with this machine's number of joe, or 1000 where it
 * knows none: what acl_from_text(3) takes. */
static int add_local_entry(struct setter *s, FILE *out, const char *entry)
{
	size_t tag = field(entry), who, perms;
	const char *name, *rest, *number;
	enum tarx_owner_kind kind = *entry == 'u' ? TARX_USER : TARX_GROUP;
	TX_FREE char *plain = NULL;

	if (entry[tag] != ':')
		return -EINVAL;
	name = entry + tag + 1;
	who = field(name);
	if (name[who] != ':')
		return -EINVAL;
	rest = name + who + 1;
	perms = field(rest);
	number = rest[perms] == ':' ? rest + perms + 1 : NULL;
	plain = strndup(name, who);
	if (!plain)
		return -ENOMEM;
	fprintf(out, "%.*s:", (int)tag, entry);
	if (who > 0) {
		char *end;
		unsigned long id = strtoul(number ? number : plain, &end, 10);
		bool known = number || !*end;

		if (!known || !s->wants->numeric)
			id = tarx_owners_id(s->owners, kind, plain,
					    known ? (uint32_t)id : UINT32_MAX);
		if (id == UINT32_MAX)
			return -ENOENT;
		fprintf(out, "%lu", id);
	}
	fprintf(out, ":%.*s\n", (int)perms, rest);
	return 0;
}

static int local_acl(struct setter *s, const char *text, char **local)
{
	size_t len;
	FILE *out = open_memstream(local, &len);
	int r = 0;

	if (!out)
		return -ENOMEM;
	while (r == 0 && *text) {
		r = add_local_entry(s, out, text);
		text += strcspn(text, ",");
		text += *text == ',';
	}
	if (fclose(out) != 0)
		return -ENOMEM;
	return r;
}

/* Sets TEXT as an ACL, or takes an inherited one away where TEXT is NULL. */
static int put_acl(struct setter *s, acl_type_t type, const char *text)
{
	TX_FREE char *local = NULL;
	acl_t acl;
	int r;

	if (!text && type == ACL_TYPE_DEFAULT)
		return acl_delete_def_file(s->path) < 0 && errno != EOPNOTSUPP ? -errno : 0;
	if (!text) {
		acl = acl_from_mode(s->item->mode & 0777 & s->wants->mode_mask);
	} else {
		r = local_acl(s, text, &local);
		if (r < 0)
			return r;
		acl = acl_from_text(local);
	}
	if (!acl)
		return -errno;
	r = acl_set_file(s->path, type, acl) < 0 ? -errno : 0;
	acl_free(acl);
	return r;
}

static void set_acl(struct setter *s, acl_type_t type, const char *text)
{
	struct tx_err err;
	int r;

	if (!text && !s->target->clear_acls)
		return;
	r = put_acl(s, type, text);
	if (r < 0) {
		tx_fail(&err, -r, "set the %s ACL %s",
			type == ACL_TYPE_DEFAULT ? "default" : "access", text ? text : "(none)");
		complain_of(s, r == -EOPNOTSUPP ? TARX_META_LOST_ACL : TARX_META_LOST, &err);
	}
}

static void set_acls(struct setter *s)
{
	if (S_ISLNK(s->item->mode))
		return;
	set_acl(s, ACL_TYPE_ACCESS, s->wants->acls ? s->item->acl_access : NULL);
	if (S_ISDIR(s->item->mode))
		set_acl(s, ACL_TYPE_DEFAULT, s->wants->acls ? s->item->acl_default : NULL);
}

static void set_xattrs(struct setter *s)
{
	const struct tarx_xattr *compression = tarx_meta_compression(s->item);

	for (size_t i = 0; i < s->item->xattr_count; i++) {
		const struct tarx_xattr *x = &s->item->xattrs[i];

		if (x != compression && tarx_meta_wants_xattr(s->wants, x->name))
			set_xattr(s, x);
	}
}

static bool has_xattr(const struct tarx_item *item, const char *name)
{
	if (!strcmp(name, ACL_ACCESS_XATTR))
		return item->acl_access;
	if (!strcmp(name, ACL_DEFAULT_XATTR))
		return item->acl_default;
	for (size_t i = 0; i < item->xattr_count; i++)
		if (!strcmp(item->xattrs[i].name, name))
			return true;
	return false;
}

/* Whether the attribute NAME is content, of which ITEM tells all. Labels and how bytes are stored are
 * what this system made of them. */
static bool is_content(const struct setter *s, const char *name)
{
	if (!strcmp(name, ACL_ACCESS_XATTR) || !strcmp(name, ACL_DEFAULT_XATTR))
		return s->wants->acls;
	if (tarx_meta_is_acl(name) || !strncmp(name, "system.", 7) || !strncmp(name, "btrfs.", 6) ||
	    !strcmp(name, "security.selinux") || overlay_xattr_kind(name) != OVERLAY_XATTR_NONE)
		return false;
	return tarx_meta_wants_xattr(s->wants, name);
}

static void take_others_away(struct setter *s)
{
	ssize_t n = flistxattr(s->target->fd, NULL, 0);
	TX_FREE char *list = n > 0 ? malloc((size_t)n) : NULL;
	struct tx_err err;

	if (list)
		n = flistxattr(s->target->fd, list, (size_t)n);
	for (const char *name = list; list && name < list + n; name += strlen(name) + 1) {
		if (!is_content(s, name) || has_xattr(s->item, name) ||
		    fremovexattr(s->target->fd, name) == 0 || errno == ENODATA)
			continue;
		tx_fail(&err, errno, "take away the extended attribute %s", name);
		complain(s, &err);
	}
	if (n < 0 && errno != EOPNOTSUPP) {
		tx_fail(&err, errno, "list extended attributes");
		complain(s, &err);
	}
}

static void set_times(struct setter *s)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, s->item->mtime };
	struct tx_err err;

	if (s->wants->touch)
		return;
	if ((s->target->by_path ? utimensat(AT_FDCWD, s->path, times, 0)
				: futimens(s->target->fd, times)) == 0)
		return;
	tx_fail(&err, errno, "set the time");
	complain(s, &err);
}

int tarx_meta_apply(const struct tarx_item *item, const struct tarx_meta_target *target,
		    unsigned int parts, const struct tarx_meta_wants *wants,
		    struct tarx_owners *owners, tarx_meta_complain *complain_to, void *data)
{
	struct setter s = { .item = item,
			    .target = target,
			    .wants = wants,
			    .owners = owners,
			    .complain = complain_to,
			    .data = data };

	tx_proc_path(s.path, target->fd);
	if (parts & TARX_META_PROJECT)
		set_project(&s);
	if (parts & TARX_META_FLAGS)
		set_flags(&s);
	if (parts & TARX_META_OWNER)
		set_owner(&s);
	if (parts & TARX_META_EXACT)
		take_others_away(&s);
	if (parts & TARX_META_XATTRS)
		set_xattrs(&s);
	if (parts & TARX_META_MODE)
		set_mode(&s);
	if (parts & TARX_META_ACLS)
		set_acls(&s);
	if (parts & TARX_META_TIMES)
		set_times(&s);
	if (parts & TARX_META_LAST)
		set_last_flags(&s);
	return s.failures;
}

static acl_t acl_of_text(struct setter *s, const char *text)
{
	TX_FREE char *local = NULL;

	return local_acl(s, text, &local) == 0 ? acl_from_text(local) : NULL;
}

bool tarx_meta_same_acl(const char *a, const char *b, const struct tarx_meta_wants *wants,
			struct tarx_owners *owners)
{
	struct setter s = { .wants = wants, .owners = owners };
	acl_t x = acl_of_text(&s, a), y = acl_of_text(&s, b);
	bool same = x && y && acl_cmp(x, y) == 0;

	acl_free(x);
	acl_free(y);
	return same;
}

bool tarx_meta_wants_xattr(const struct tarx_meta_wants *wants, const char *name)
{
	if (!wants->xattrs || (wants->exclude && tarx_patterns_match(wants->exclude, name)))
		return false;
	if (wants->no_selinux && !strcmp(name, "security.selinux"))
		return false;
	return !wants->include || wants->include->count == 0 ||
	       tarx_patterns_match(wants->include, name);
}

bool tarx_meta_is_acl(const char *name)
{
	return !strcmp(name, ACL_ACCESS_XATTR) || !strcmp(name, ACL_DEFAULT_XATTR) ||
	       !strcmp(name, "trusted.SGI_ACL_FILE") || !strcmp(name, "trusted.SGI_ACL_DEFAULT");
}

int tarx_meta_mark(int fd, const char *name)
{
	return fsetxattr(fd, name, "y", 1, 0) < 0 ? -errno : 0;
}

bool tarx_meta_has_default_acl(int fd)
{
	return fgetxattr(fd, ACL_DEFAULT_XATTR, NULL, 0) > 0;
}
