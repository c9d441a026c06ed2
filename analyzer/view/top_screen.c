#include "view/top_screen.h"

#include <locale.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ESCAPE_WAIT_MS = 25, TITLE_PAIR = 1 };

static SCREEN *screen; /* owned by open and close */

enum err_code top_screen_open(struct err *reterr)
{
    setlocale(LC_CTYPE, "C.UTF-8"); /* names are UTF-8 whatever the user's locale is */
    screen = isatty(STDOUT_FILENO) == 1 ? newterm(NULL, stdout, stdin) : NULL;
    if (screen == NULL) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "top needs a terminal; for a file or a pipe use: alloctrap top --once");
    }
    cbreak();
    noecho();
    keypad(stdscr, true);
    set_escdelay(ESCAPE_WAIT_MS);
    curs_set(0);
    const char *no_color = getenv("NO_COLOR");
    if (has_colors() && (no_color == NULL || no_color[0] == '\0')) {
        start_color();
        use_default_colors();
        init_pair(TITLE_PAIR, COLOR_CYAN, -1);
    }
    return ERR_NONE;
}

void top_screen_close(void)
{
    if (screen != NULL) {
        endwin();
        delscreen(screen);
        screen = NULL;
    }
}

/* The title is bold, the columns' titles are reversed to the edge. */
static void draw_line(int row, const char *text, size_t length, bool is_titles)
{
    attr_set(row == 0 ? A_BOLD : is_titles ? A_REVERSE : A_NORMAL, row == 0 ? TITLE_PAIR : 0, NULL);
    mvaddnstr(row, 0, text, (int)length);
    for (int column = getcurx(stdscr); is_titles && column < COLS; column++) {
        addch(' ');
    }
    attr_set(A_NORMAL, 0, NULL);
}

void top_screen_draw(struct top_view *view)
{
    char *text = NULL;
    size_t length = 0;
    FILE *lines = open_memstream(&text, &length);
    if (lines == NULL) {
        return;
    }
    /* One column less than there is: a full line would move the cursor to the next. */
    top_print(view, lines, COLS > 1 ? (unsigned)COLS - 1 : 1, LINES > 0 ? (unsigned)LINES : 1);
    fclose(lines);
    erase();
    const char *at = text;
    for (int row = 0; row < LINES && *at != '\0'; row++) {
        size_t line = strcspn(at, "\n");
        draw_line(row, at, line, row == TOP_HEAD_LINES - 1 && !view->wants_help);
        at += line + (at[line] != '\0');
    }
    refresh();
    free(text);
}

enum top_key top_screen_key(int timeout_ms)
{
    static const struct {
        int code;
        enum top_key key;
    } keys[] = {{'q', TOP_QUIT},       {'Q', TOP_QUIT},           {' ', TOP_PAUSE},
                {'h', TOP_HELP},       {'?', TOP_HELP},           {'r', TOP_SPAN},
                {'+', TOP_FASTER},     {'-', TOP_SLOWER},         {KEY_UP, TOP_UP},
                {KEY_DOWN, TOP_DOWN},  {KEY_RESIZE, TOP_RESIZED}, {'a', TOP_SORT_ALLOCATIONS},
                {'b', TOP_SORT_BYTES}, {'t', TOP_SORT_TIME},      {'p', TOP_SORT_P99}};
    timeout(timeout_ms);
    int code = getch();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i].code == code) {
            return keys[i].key;
        }
    }
    return TOP_NONE;
}
