# A far function that the session does not have is a NameError.
llm_query("hello")
# expected
#! NameError: name 'llm_query' is not defined @1
