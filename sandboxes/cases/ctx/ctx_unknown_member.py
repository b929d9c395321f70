# A member that ctx does not have is an AttributeError.
# context: "text"

ctx.fetch_all()
# expected
#! AttributeError: 'fetch_all' @1
