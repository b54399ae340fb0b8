/* measure FILE COMMAND [ARGUMENT...]: runs a command and writes "SECONDS KIB USER SYSTEM" to FILE: how
 * long it took, to the microsecond, its peak resident memory, and its processor time in seconds. Ends
 * with the command's exit code.
 *
 * Small on purpose: a process starts with the peak of the one that ran it (exec(2) hands it on), so
 * a shell or Python in this place would hide a small program's own. */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double seconds_of(const struct timeval *tv)
{
	return (double)tv->tv_sec + (double)tv->tv_usec / 1e6;
}

static int run(char **argv, double *seconds, struct rusage *usage)
{
	double start = now();
	int status;
	pid_t child = fork();

	if (child < 0)
		return -1;
	if (child == 0) {
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	while (wait4(child, &status, 0, usage) < 0) {
		if (errno != EINTR)
			return -1;
	}
	*seconds = now() - start;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	struct rusage usage;
	double seconds;
	FILE *out;
	int code;

	if (argc < 3) {
		fputs("usage: measure FILE COMMAND [ARGUMENT...]\n", stderr);
		return 99;
	}
	code = run(argv + 2, &seconds, &usage);
	if (code < 0) {
		perror("measure");
		return 99;
	}
	out = fopen(argv[1], "w");
	if (!out ||
	    fprintf(out, "%.6f %ld %.6f %.6f\n", seconds, usage.ru_maxrss,
		    seconds_of(&usage.ru_utime), seconds_of(&usage.ru_stime)) < 0 ||
	    fclose(out) != 0) {
		perror(argv[1]);
		return 99;
	}
	return code;
}
