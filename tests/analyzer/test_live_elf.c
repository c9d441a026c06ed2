#include "live/live_elf.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_BYTES = 65536 };

static char path[] = "test_elf.XXXXXX";
static struct live_elf elf;

static void write_it(const void *bytes, size_t count)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    cr_assert_eq(write(fd, bytes, count), (ssize_t)count);
    close(fd);
}

static void begin(void)
{
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
}

static void end(void)
{
    unlink(path);
}

/* A program header and what it points to; no sections. */
struct small_program {
    Elf64_Ehdr head;
    Elf64_Phdr segment;
    char interpreter[64];
};

static struct small_program small(const char *interpreter)
{
    struct small_program program = {
        .head = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                             EV_CURRENT},
                 .e_type = ET_DYN,
                 .e_machine = EM_X86_64,
                 .e_version = EV_CURRENT,
                 .e_phoff = sizeof(Elf64_Ehdr),
                 .e_ehsize = sizeof(Elf64_Ehdr),
                 .e_phentsize = sizeof(Elf64_Phdr),
                 .e_phnum = 1},
        .segment = {.p_type = interpreter == NULL ? PT_LOAD : PT_INTERP,
                    .p_offset = offsetof(struct small_program, interpreter),
                    .p_filesz = sizeof program.interpreter}};
    snprintf(program.interpreter, sizeof program.interpreter, "%s",
             interpreter == NULL ? "" : interpreter);
    return program;
}

static void read_small(const struct small_program *program)
{
    write_it(program, sizeof *program);
    live_elf_read(path, &elf);
}

TestSuite(live_elf, .init = begin, .fini = end);

Test(live_elf, this_test_is_a_program_that_can_be_recorded)
{
    live_elf_read("/proc/self/exe", &elf);
    cr_assert(elf.is_elf);
    cr_assert_not(elf.is_other_machine || elf.is_static || elf.is_musl || elf.is_privileged);
    cr_assert_eq(elf.allocator, LIVE_ELF_LIBC);
}

Test(live_elf, a_program_without_an_interpreter_is_static)
{
    struct small_program program = small(NULL);
    read_small(&program);
    cr_assert(elf.is_elf && elf.is_static && !elf.is_musl);
    program = small("/lib64/ld-linux-x86-64.so.2");
    read_small(&program);
    cr_assert(elf.is_elf && !elf.is_static && !elf.is_musl);
}

Test(live_elf, musl_is_known_by_its_loader)
{
    struct small_program program = small("/lib/ld-musl-x86_64.so.1");
    read_small(&program);
    cr_assert(elf.is_musl && !elf.is_static);
}

Test(live_elf, programs_of_other_machines_are_told)
{
    struct small_program program = small("/lib/ld-linux-aarch64.so.1");
    program.head.e_machine = EM_AARCH64;
    read_small(&program);
    cr_assert(elf.is_elf && elf.is_other_machine);
}

Test(live_elf, scripts_stand_for_their_interpreter)
{
    char line[256];
    char own[200] = "";
    cr_assert_gt(readlink("/proc/self/exe", own, sizeof own - 1), 0);
    write_it(line, (size_t)snprintf(line, sizeof line, "#! %s -x\necho\n", own));
    live_elf_read(path, &elf);
    cr_assert(elf.is_elf);
    cr_assert_str_eq(elf.path, own);
}

Test(live_elf, scripts_of_scripts_end)
{
    char line[256];
    write_it(line, (size_t)snprintf(line, sizeof line, "#!%s\n", path));
    live_elf_read(path, &elf);
    cr_assert_not(elf.is_elf);
}

Test(live_elf, what_is_no_program_has_no_facts)
{
    static const char *const contents[] = {"", "#", "#!", "\177ELF", "text\n"};
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        write_it(contents[i], strlen(contents[i]));
        live_elf_read(path, &elf);
        cr_assert_not(elf.is_elf);
    }
    live_elf_read("/no/such/program", &elf);
    cr_assert_not(elf.is_elf);
    live_elf_read(".", &elf);
    cr_assert_not(elf.is_elf);
    unlink(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    live_elf_read(path, &elf);
    cr_assert_not(elf.is_elf, "and no waiting for who may write into a pipe");
}

Test(live_elf, allocators_are_known_by_the_names_of_their_libraries)
{
    cr_assert_eq(live_elf_allocator_of("/usr/lib/libtcmalloc_minimal.so.4"), LIVE_ELF_TCMALLOC);
    cr_assert_eq(live_elf_allocator_of("libjemalloc.so.2"), LIVE_ELF_JEMALLOC);
    cr_assert_eq(live_elf_allocator_of("./libmimalloc-secure.so"), LIVE_ELF_MIMALLOC);
    cr_assert_eq(live_elf_allocator_of("/opt/libjemalloc/libc.so.6"), LIVE_ELF_LIBC);
    cr_assert_eq(live_elf_allocator_of(""), LIVE_ELF_LIBC);
}

Test(live_elf, privileges_that_are_not_ours_are_seen)
{
    struct small_program program = small("/lib64/ld-linux-x86-64.so.2");
    write_it(&program, sizeof program);
    cr_assert_eq(chmod(path, 04755), 0);
    live_elf_read(path, &elf);
    cr_assert_not(elf.is_privileged, "setuid to ourselves gives nothing");
    if (getuid() == 0) {
        cr_assert_eq(chown(path, 65534, 0), 0);
        cr_assert_eq(chmod(path, 04755), 0);
        live_elf_read(path, &elf);
        cr_assert(elf.is_privileged);
    }
}

/* Changed at random in what is read of it: facts may be wrong, reading must end. */
Test(live_elf, damaged_programs_do_no_harm)
{
    static unsigned char bytes[HEAD_BYTES];
    int own = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ssize_t count = read(own, bytes, sizeof bytes);
    close(own);
    cr_assert_gt(count, 1000);
    srand(11);
    for (int round = 0; round < 300; round++) {
        static unsigned char changed[HEAD_BYTES];
        memcpy(changed, bytes, (size_t)count);
        for (int i = 0; i < 8; i++) {
            size_t at = (size_t)rand() % (i < 6 ? 1024 : (size_t)count);
            changed[at] = (unsigned char)rand();
        }
        write_it(changed, (size_t)count - (size_t)rand() % 500);
        live_elf_read(path, &elf);
    }
}
