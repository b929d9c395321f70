# Exceptions of one's own in a hierarchy, with data, raised and caught by parents.
class AppError(Exception):
    code = 1

    def __init__(self, message, *, hint=None):
        super().__init__(message)
        self.hint = hint


class NotFound(AppError, LookupError):
    code = 2


for kind in (NotFound, AppError):
    try:
        raise kind("no such page", hint="look again")
    except LookupError as error:
        print("lookup", error.code, error.hint, error.args)
    except AppError as error:
        print("app", error.code, str(error))
raise NotFound("at the end")
# expected
#> lookup 2 look again ('no such page',)
#> app 1 no such page
#! NotFound: at the end @20
