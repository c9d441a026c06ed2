/* Programs that become others: each image tells what it did. */
#include "cases.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>

extern char **environ;

static int become(const char *case_name, char *count, char **environment)
{
    char name[32];
    snprintf(name, sizeof name, "%s", case_name);
    char *arguments[] = {program_invocation_name, name, count, NULL};
    execve("/proc/self/exe", arguments, environment);
    return 90;
}

/* Ten images in one process, with every descriptor of the one before closed. */
static int chain(char **arguments)
{
    char count[16];
    int left = arguments[0] == NULL ? 10 : atoi(arguments[0]);
    churn(left * 10);
    counts_tell();
    if (left == 0) {
        tell_seen();
        return 5;
    }
    closefrom(3);
    snprintf(count, sizeof count, "%d", left - 1);
    return become("chain", count, environ);
}

static int quiet(char **arguments)
{
    (void)arguments;
    churn(1000);
    tell("quiet\n");
    return 6;
}

/* Without the settings in its environment an image is not recorded. */
static int cleared(char **arguments)
{
    char *nothing[] = {NULL};
    (void)arguments;
    churn(20);
    counts_tell();
    return become("quiet", NULL, nothing);
}

static void *become_in_thread(void *argument)
{
    churn(10);
    counts_tell();
    become("chain", argument, environ);
    return NULL;
}

/* The thread that calls takes the process over; the others are gone in the middle of their work. */
static int in_thread(char **arguments)
{
    pthread_t thread;
    static char last[] = "1";
    (void)arguments;
    pthread_create(&thread, NULL, become_in_thread, last);
    pthread_join(thread, NULL);
    return 91;
}

static int after_vfork(char **arguments)
{
    static char name[] = "chain";
    static char last[] = "1";
    char *words[] = {program_invocation_name, name, last, NULL};
    (void)arguments;
    churn(10);
    for (int i = 0; i < 5; i++) {
        pid_t child = vfork();
        if (child == 0) {
            execve("/proc/self/exe", words, environ);
            _exit(92);
        }
        tell_child(child);
    }
    counts_tell();
    return 0;
}

static const struct target_case cases[] = {
    {"chain", chain},         {"cleared", cleared},   {"quiet", quiet},
    {"in_thread", in_thread}, {"vfork", after_vfork},
};

int main(int argc, char **argv)
{
    (void)argc;
    return cases_run(cases, sizeof cases / sizeof cases[0], argv);
}
