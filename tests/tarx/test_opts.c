#include "tarx/opts.h"
#include "tests/lib/tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ------------------------------------------------------------------ sizes */

static const struct {
	const char *text;
	int64_t want;
} sizes[] = {
	{ "0", 0 },
	{ "1", 1 },
	{ "512", 512 },
	{ "007", 7 },
	{ "4096", 4096 },
	{ "4K", 4096 },
	{ "4k", 4096 },
	{ "1M", 1 << 20 },
	{ "1m", 1 << 20 },
	{ "0M", 0 },
	{ "9223372036854775807", INT64_MAX },
	{ "8796093022207M", INT64_MAX - 1048575 },
	{ "9007199254740991K", INT64_MAX - 1023 },
	{ "9223372036854775808", -1 },
	{ "8796093022208M", -1 },
	{ "9007199254740992K", -1 },
	{ "18446744073709551616", -1 },
	{ "99999999999999999999999", -1 },
	{ "", -1 },
	{ "K", -1 },
	{ "-1", -1 },
	{ "+1", -1 },
	{ " 1", -1 },
	{ "1 ", -1 },
	{ "4KB", -1 },
	{ "4KK", -1 },
	{ "4G", -1 },
	{ "0x10", -1 },
	{ "1.5K", -1 },
	{ "none", -1 },
};

/* ------------------------------------------------------------------ command lines */

static char complaint[32768];

/* Parses LINE, cut at its spaces; what was said goes into COMPLAINT. "~" stands for an empty word. */
static int parse(struct tarx_opts *opts, const char *line)
{
	static char words[1024];
	char *argv[32] = { words }, *state = NULL;
	int argc = 0, before[2] = { dup(1), dup(2) }, out = memfd_create("said", MFD_CLOEXEC), r;
	ssize_t n;

	snprintf(words, sizeof(words), "tarx %s", line);
	for (char *word = strtok_r(words, " ", &state); word; word = strtok_r(NULL, " ", &state))
		argv[argc++] = strcmp(word, "~") ? word : word + 1;
	fflush(stdout);
	dup2(out, 1);
	dup2(out, 2);
	r = tarx_opts_parse(opts, argc, argv);
	fflush(stdout);
	dup2(before[0], 1);
	dup2(before[1], 2);
	n = pread(out, complaint, sizeof(complaint) - 1, 0);
	complaint[n > 0 ? n : 0] = '\0';
	close(before[0]);
	close(before[1]);
	close(out);
	return r;
}

/* "MODE ARCHIVE: DIR:OPERAND DIR:OPERAND ...", where no DIR is "-". */
static const char *as_text(const struct tarx_opts *opts)
{
	static char text[2048];
	int n = snprintf(text, sizeof(text), "%s %s:",
			 opts->mode == TARX_CREATE    ? "create"
			 : opts->mode == TARX_EXTRACT ? "extract"
			 : opts->mode == TARX_COMPARE ? "compare"
						      : "list",
			 opts->archive);

	for (size_t i = 0; i < opts->operand_count; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " %s:%s",
			      opts->operands[i].dir ? opts->operands[i].dir : "-",
			      opts->operands[i].path);
	return text;
}

static const struct {
	const char *promise, *line, *want;
} lines[] = {
	{ "an archive of one path", "-c -f a.tar x", "create a.tar: -:x" },
	{ "short options together", "-cf a.tar x", "create a.tar: -:x" },
	{ "a value within the word", "-cfa.tar x", "create a.tar: -:x" },
	{ "long options", "--create --file=a.tar x", "create a.tar: -:x" },
	{ "long options with their value apart", "--extract --file a.tar", "extract a.tar:" },
	{ "the other name of extract", "--get", "extract -:" },
	{ "a list", "-t -f a.tar", "list a.tar:" },
	{ "without an archive the standard streams", "-t", "list -:" },
	{ "a comparison", "-df a.tar -C d m", "compare a.tar: d:m" },
	{ "the other name of compare", "--diff", "compare -:" },
	{ "one way with old files, said twice", "-x -k --keep-old-files", "extract -:" },
	{ "--recursive-unlink beside another way", "-x -k --recursive-unlink", "extract -:" },
	{ "members to extract", "-xf a.tar m n", "extract a.tar: -:m -:n" },
	{ "options behind operands", "-c x -f a.tar y", "create a.tar: -:x -:y" },
	{ "the last archive counts", "-t -f a -f b", "list b:" },
	{ "a mode said twice", "-t -t", "list -:" },
	{ "-C before an operand", "-c -C d x", "create -: d:x" },
	{ "-C behind an operand does not concern it", "-c x -C d y", "create -: -:x d:y" },
	{ "-C counts from the one before", "-c -C a x -C b y", "create -: a:x a/b:y" },
	{ "an absolute -C counts from the root", "-c -C a x -C /b y", "create -: a:x /b:y" },
	{ "and the next one from there", "-c -C /b -C c y", "create -: /b/c:y" },
	{ "-C up", "-c -C a -C .. x", "create -: a/..:x" },
	{ "the long -C", "-c --directory=a --directory b x", "create -: a/b:x" },
	{ "restoring options with creation, as GNU tar takes them", "-cpm --same-owner x",
	  "create -: -:x" },
	{ "a bundle", "cvf a.tar -C x .", "create a.tar: x:." },
	{ "a bundle without values", "t", "list -:" },
	{ "a bundle's values come in the order of its letters", "cfC a.tar d x",
	  "create a.tar: d:x" },
	{ "the other way round too", "cCf d a.tar x", "create a.tar: d:x" },
	{ "letters behind f do not matter", "xfv a.tar m", "extract a.tar: -:m" },
	{ "options behind a bundle", "cf a.tar --align=none x", "create a.tar: -:x" },
	{ "a bundle's archive may be called -", "cf - x", "create -: -:x" },
	{ "behind -- all are operands", "-c -f a.tar -- -x --file", "create a.tar: -:-x -:--file" },
	{ "a dash alone is an operand", "-c -", "create -: -:-" },
	{ "a long option cut short", "--creat --file=a.tar --direc=d x", "create a.tar: d:x" },
	{ "an option's value may begin with a dash", "-c -f -x y", "create -x: -:y" },
	{ "a list is read in its place", "-c a -T /dev/null b", "create -: -:a -:b" },
	{ "an empty list is no mistake", "-c -T /dev/null", "create -:" },
	{ "a name that begins with a dash", "-c --add-file=-x", "create -: -:-x" },
	{ "an empty operand is one", "-c ~", "create -: -:" },
};

static void test_lines(void)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct tarx_opts opts;
		int r = parse(&opts, lines[i].line);

		tap_string(r == 0 ? as_text(&opts) : complaint, lines[i].want, "%s",
			   lines[i].promise);
		tarx_opts_release(&opts);
	}
}

/* Lines that are wrong, and a word that the message must have. */
static const struct {
	const char *promise, *line, *word;
} wrong[] = {
	{ "no mode", "-f a.tar", "one of -c, -x, -t" },
	{ "nothing at all", "", "one of -c, -x, -t" },
	{ "two modes", "-c -x a", "only one of" },
	{ "two ways with old files", "-x -k -U", "--unlink-first --keep-old-files" },
	{ "the other way round", "-x --overwrite --skip-old-files",
	  "--skip-old-files --overwrite" },
	{ "an occurrence without names", "-t --occurrence", "--occurrence: means nothing" },
	{ "an occurrence that is no number", "-t --occurrence=1x m", "1x" },
	{ "an occurrence below zero", "-t --occurrence=-1 m", "-1" },
	{ "two modes in a bundle", "cx", "only one of" },
	{ "nothing to store", "-c -f a.tar", "name the files" },
	{ "an unknown short option", "-c -Q x", "unknown option -Q" },
	{ "an unknown long option", "-c --nonsense x", "unknown option --nonsense" },
	{ "an unknown long option with a value", "-c --nonsense=1 x", "--nonsense" },
	{ "an unknown letter of a bundle", "cQ x", "unknown option -Q" },
	{ "a dash in a bundle", "c-f a.tar x", "unknown option" },
	{ "an option cut too short", "-x --no-same x", "--no-same" },
	{ "a value for an option that takes none", "--create=x x", "--create" },
	{ "and for one without a letter", "-c --sync=1 x", "--sync" },
	{ "an option without its value", "-c x -f", "-f: needs a value" },
	{ "a long option without its value", "-c x --align-min", "--align-min: needs a value" },
	{ "a bundle without its value", "cf", "needs a value" },
	{ "a bundle with too few values", "cfC a.tar", "needs a value" },
	{ "a size that is no power of two", "-c --align=3K x", "3K" },
	{ "a size too small", "-c --align=256 x", "256" },
	{ "a size too large", "-c --align=2M x", "2M" },
	{ "a size of nothing", "-c --align= x", "not a power of two" },
	{ "a size that is none", "-c --align-min=x x", "not a size" },
	{ "a size below zero", "-c --align-min=-1 x", "-1" },
	{ "an unknown reflink", "-c --reflink=maybe x", "maybe" },
	{ "an unknown overlay", "-c --overlay=maybe x", "maybe" },
	{ "an unknown verbose", "-c --verbose=maybe x", "maybe" },
	{ "creation's option with extraction", "-x --align", "--align: means nothing" },
	{ "creation's overlay with a list", "-t --overlay=off", "--overlay: means nothing" },
	{ "sharing with a list", "-t --reflink=never", "--reflink: means nothing" },
	{ "syncing a list", "-t --sync", "--sync: means nothing" },
	{ "a list that is not there", "-c -T /no/such/list", "/no/such/list" },
	{ "patterns that are not there", "-c -X /no/such/list x", "/no/such/list" },
	{ "a map that is not there", "-c --owner-map=/no/such/map x", "/no/such/map" },
	{ "an owner with a number too large", "-c --owner=4294967295 x", "4294967295" },
	{ "an owner without the number that it promises", "-c --owner=joe: x", "--owner" },
	{ "a mode that is none", "-c --mode=u+q x", "u+q" },
	{ "a date that is none", "-c --mtime=soon x", "soon" },
	{ "a date of a file that is not there", "-c --mtime=./no-such-file x", "no-such-file" },
	{ "clamping without a date", "-c --clamp-mtime x", "--mtime" },
	{ "two dates", "-c -N @1 --newer-mtime=@2 x", "more than one" },
	{ "an expression that is none", "-c --transform=x x", "s/REGEX" },
	{ "components that are no number", "-x --strip-components=x", "not a number" },
	{ "another format", "-c --format=gnu x", "only pax" },
	{ "a format that is none", "-c -H x x", "no format" },
	{ "no blocks", "-c -b 0 x", "-b" },
	{ "too many blocks", "-c -b 99999999999 x", "99999999999" },
	{ "a record that is no blocks", "-c --record-size=1000 x", "1000" },
	{ "an unknown warning", "-c --warning=no-such x", "no-such" },
	{ "two kinds of compression", "-c -z --xz x", "only one kind" },
	{ "two programs for it", "-c -I a -I b x", "only one kind" },
	{ "sharing always with compression", "-c -z --reflink=always x", "compressed" },
	{ "following links in an upper layer", "-c -h --overlay=diff x", "--overlay=diff" },
	{ "a nest of no directory", "-c --nest=a", "NAME=DIR" },
	{ "a nest of a directory's name", "-c --nest=a/=b", "NAME=DIR" },
	{ "a nest to be restored", "-x --nest=a=b", "--nest: means nothing" },
	{ "one list for the removals of two nests",
	  "-c --overlay=diff --whiteouts=podman --nest=a=b --nest=c=d", "one list" },
	{ "removals of nests without a diff", "-c --whiteouts=oci --nest=a=b", "--overlay=diff" },
	{ "an archive within one that is made", "-c --inner=a x", "--inner: means nothing" },
	{ "an archive within, named twice", "-x --inner=a --inner=b --inner=./a/", "named twice" },
	{ "an archive within, without a name", "-x --inner=./", "not a member" },
	{ "one list for two archives within", "-x --whiteouts=podman --inner=a --inner=b",
	  "--inner that is meant" },
	{ "a place to begin at in two archives", "-x -K m --inner=a", "--starting-file" },
	{ "a list and an archive from standard input", "-t -T -", "standard input" },
	{ "sharing always without alignment", "-c --reflink=always --align=none x",
	  "nothing could be shared" },
};

static void test_wrong(void)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct tarx_opts opts;
		int r = parse(&opts, wrong[i].line);

		if (!tap_ok(r == -1 && strstr(complaint, wrong[i].word) &&
				    !strncmp(complaint, "tarx: ", 6),
			    "%s: is refused, and the message says what", wrong[i].promise))
			printf("# returned %d, said: %s\n", r, complaint);
		tarx_opts_release(&opts);
	}
}

static void test_control(void)
{
	struct tarx_opts opts;

	parse(&opts, "-c --align=\x1b[2J x");
	tap_ok(!strchr(complaint, '\x1b') && strstr(complaint, "\\033[2J"),
	       "a complaint does not steer the terminal");
	tarx_opts_release(&opts);
}

static void test_help(void)
{
	struct tarx_opts opts;

	tap_number(parse(&opts, "--help"), 1, "--help is all there is to do");
	tap_ok(strstr(complaint, "Usage:") && strstr(complaint, "--align") &&
		       strstr(complaint, "-C, --directory=DIR"),
	       "and it names the options");
	tarx_opts_release(&opts);
	tap_number(parse(&opts, "--version"), 1, "--version is all there is to do");
	tap_string(complaint, "tarx " PACKAGE_VERSION "\n", "and it names the version");
	tarx_opts_release(&opts);
}

/* ------------------------------------------------------------------ single options */

static void test_defaults(void)
{
	struct tarx_opts opts;

	tap_number(parse(&opts, "-x"), 0, "-x alone is a command line");
	tap_ok(!strcmp(opts.archive, "-") && opts.align == TARX_ALIGN_UNSET &&
		       opts.align_min == -1 && opts.reflink == ALIGN_REFLINK_AUTO &&
		       opts.overlay == TARX_OVERLAY_UNSET,
	       "what was not said is auto");
	tap_ok(opts.same_owner == -1 && opts.same_permissions == -1 && !opts.numeric_owner &&
		       !opts.touch && !opts.ignore_zeros && !opts.sync && !opts.stats &&
		       !opts.verbose && !opts.verbose_time && !opts.dir,
	       "or left to who runs it, or off");
	tap_ok(opts.xattrs && opts.acls, "attributes and ACLs are on");
	tarx_opts_release(&opts);
}

#define VALUE(line, expression, want)                                                              \
	do {                                                                                       \
		struct tarx_opts o;                                                                \
		int r = parse(&o, line);                                                           \
		tap_number(r == 0 ? (long long)(expression) : -99, want, "%s", line);              \
		tarx_opts_release(&o);                                                             \
	} while (0)

/* "NAME DIR OVERLAY WHITEOUTS: OPERAND ..." of each part. */
static const char *parts_as_text(const struct tarx_opts *opts)
{
	static char text[2048];
	int n = 0;

	for (size_t i = 0; i < opts->part_count; i++) {
		const struct tarx_part *part = &opts->parts[i];

		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%s %s %u %u:", i ? "; " : "",
			      part->name ? part->name : "-", part->dir ? part->dir : "-",
			      part->overlay, part->whiteouts);
		for (size_t k = 0; k < part->operand_count; k++)
			n += snprintf(text + n, sizeof(text) - (size_t)n, " %s",
				      part->operands[k].path);
	}
	return text;
}

static void test_parts(void)
{
	static const struct {
		const char *promise, *line, *want;
	} rows[] = {
		{ "without --inner there is one part", "-x -C d m n", "- d 4 4: m n" },
		{ "operands belong to the part before them", "-x m --inner=a n o --inner b",
		  "- - 4 4: m; a - 4 4: n o; b - 4 4:" },
		{ "-C counts for what is behind it, from part to part",
		  "-x -C d m --inner=a -C e --inner b -C /f", "- d 4 4: m; a d/e 4 4:; b /f 4 4:" },
		{ "what is said first counts for all that say nothing else",
		  "-x --overlay=diff --inner=a --whiteouts=oci --inner=b --overlay=auto",
		  "- - 1 4:; a - 1 1:; b - 0 4:" },
		{ "what is said of one counts for no other one",
		  "-x --inner=a --overlay=diff --whiteouts=podman --inner=b",
		  "- - 4 4:; a - 1 2:; b - 4 4:" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct tarx_opts opts;
		int r = parse(&opts, rows[i].line);

		tap_string(r == 0 ? parts_as_text(&opts) : complaint, rows[i].want, "%s",
			   rows[i].promise);
		tarx_opts_release(&opts);
	}
}

static void test_values(void)
{
	VALUE("-c --align x", o.align, TARX_ALIGN_BLOCK);
	VALUE("-c --align=none x", o.align, 512);
	VALUE("-c --align=512 x", o.align, 512);
	VALUE("-c --align=4K x", o.align, 4096);
	VALUE("-c --align=65536 x", o.align, 65536);
	VALUE("-c --align=1M x", o.align, 1 << 20);
	VALUE("-c --align 4K", o.operand_count, 1);
	VALUE("-c --align-min=0 x", o.align_min, 0);
	VALUE("-c --align-min 64K x", o.align_min, 65536);
	VALUE("-c --reflink=auto x", o.reflink, ALIGN_REFLINK_AUTO);
	VALUE("-x --reflink=always", o.reflink, ALIGN_REFLINK_ALWAYS);
	VALUE("-c --reflink never x", o.reflink, ALIGN_REFLINK_NEVER);
	VALUE("-c --overlay=auto x", o.overlay, TARX_OVERLAY_AUTO);
	VALUE("-c --overlay=diff x", o.overlay, TARX_OVERLAY_DIFF);
	VALUE("-c --overlay=merged x", o.overlay, TARX_OVERLAY_MERGED);
	VALUE("-c --overlay=off x", o.overlay, TARX_OVERLAY_OFF);
	VALUE("-c --overlay=diff x --overlay=off y", tarx_opts_overlay(&o, &o.operands[0]),
	      TARX_OVERLAY_DIFF);
	VALUE("-c --overlay=diff x --overlay=off y", tarx_opts_overlay(&o, &o.operands[1]),
	      TARX_OVERLAY_OFF);
	VALUE("-c x --overlay=diff", tarx_opts_overlay(&o, &o.operands[0]), TARX_OVERLAY_DIFF);
	VALUE("-c -C d --nest=a=b=c x", o.operands[0].nest && !strcmp(o.operands[0].nest, "a"), 1);
	VALUE("-c -C d --nest=a=b=c x", !strcmp(o.operands[0].path, "b=c"), 1);
	VALUE("-c -C d --nest=a=b=c x", !o.operands[1].nest && o.operand_count == 2, 1);
	VALUE("-t -v", o.verbose, 1);
	VALUE("-tvv", o.verbose, 2);
	VALUE("tvv", o.verbose, 2);
	VALUE("-t --verbose=time", o.verbose_time, 1);
	VALUE("-t -v", o.verbose_time, 0);
	VALUE("-x -p", o.same_permissions, 1);
	VALUE("-x --same-permissions", o.same_permissions, 1);
	VALUE("-x -p --no-same-permissions", o.same_permissions, 0);
	VALUE("-x --same-owner", o.same_owner, 1);
	VALUE("-x --same-owner --no-same-owner", o.same_owner, 0);
	VALUE("-x --numeric-owner", o.numeric_owner, 1);
	VALUE("-xm", o.touch, 1);
	VALUE("-c --mtime=@5.5 x",
	      o.override.mtime.tv_sec * 10 + o.override.mtime.tv_nsec / 100000000, 55);
	VALUE("-c --owner=joe:7 x", o.override.becomes[TARX_USER].id, 7);
	VALUE("-c --group=:8 x", o.override.becomes[TARX_GROUP].name == NULL, 1);
	VALUE("-c --exclude=a --anchored --exclude=b x",
	      o.exclude.count == 2 && o.exclude.list[0].flags != o.exclude.list[1].flags, 1);
	VALUE("-c -b 3 x", o.record, 1536);
	VALUE("-c --warning=none --warning=file-changed x",
	      tarx_opts_silences(&o, TARX_WARN_FILE_CHANGED), 0);
	VALUE("-c --warning=no-xdev x", tarx_opts_silences(&o, TARX_WARN_XDEV), 1);
	VALUE("-c -a -f a.tar.zst x", o.press, TARX_PRESS_ZSTD);
	VALUE("-c -a -f a.zst.tar x", o.press, TARX_PRESS_NONE);
	VALUE("-x -a -f a.tar.zst", o.press, TARX_PRESS_NONE);
	VALUE("-c -J -J x", o.press, TARX_PRESS_XZ);
	VALUE("-ti", o.ignore_zeros, 1);
	VALUE("-x --ignore-zeros", o.ignore_zeros, 1);
	VALUE("-c --sync x", o.sync, 1);
	VALUE("-c --no-xattrs x", o.xattrs, 0);
	VALUE("-c --no-xattrs --xattrs x", o.xattrs, 1);
	VALUE("-x --no-acls", o.acls, 0);
	VALUE("-x --no-acls --acls", o.acls, 1);
	VALUE("-t --stats", o.stats && !o.stats_file, 1);
	VALUE("-t --stats=s.json", o.stats && o.stats_file && !strcmp(o.stats_file, "s.json"), 1);
}

/* A second line must not know of the first. */
static void test_again(void)
{
	struct tarx_opts opts;

	parse(&opts, "-c -f a.tar -C d x -Q");
	tarx_opts_release(&opts);
	parse(&opts, "-t");
	tap_string(as_text(&opts), "list -:", "a second command line begins anew");
	tarx_opts_release(&opts);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		tap_number(tarx_opts_size(sizes[i].text), sizes[i].want, "\"%s\" is %s",
			   sizes[i].text, sizes[i].want < 0 ? "no size" : "a size");
	test_lines();
	test_wrong();
	test_control();
	test_help();
	test_defaults();
	test_values();
	test_parts();
	test_again();
	return tap_done();
}
